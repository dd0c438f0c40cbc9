//! Rows of the tables as values, and the statements that read and write them. When which is allowed is the ledger's.

use std::time::Duration;

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, named_params, params};
use zao_api::{ErrorBody, JobRequest, Priority};

use crate::moment::Moment;
use crate::pace::{Average, Class, Pace};
use crate::state::State;
use crate::{Demand, Error, ImageId, JobId, Owner, Piece, Result, Submission};

/// A job as the database has it.
#[derive(Debug, Clone)]
pub(crate) struct JobRow {
    pub(crate) number: u64,
    pub(crate) id: JobId,
    pub(crate) state: State,
    pub(crate) client: String,
    pub(crate) priority: Priority,
    /// JSON of a [`JobRequest`].
    pub(crate) request: String,
    pub(crate) plan: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) steps: u32,
    pub(crate) seeds: Vec<u64>,
    pub(crate) deadline: Duration,
    pub(crate) created: Moment,
    pub(crate) started: Option<Moment>,
    pub(crate) finished: Option<Moment>,
    pub(crate) attempt: u32,
    pub(crate) losses: u32,
    /// Whether it was with a worker that was lost, so that nothing is drawn beside it.
    pub(crate) alone: bool,
    pub(crate) cancel_wanted: bool,
    pub(crate) warnings: Vec<String>,
    pub(crate) error: Option<ErrorBody>,
    /// The request that brought it, where that is known.
    pub(crate) request_id: Option<String>,
    /// Whoever sent it, where they showed a key.
    pub(crate) owner: Option<Owner>,
}

/// A picture as the database has it.
#[derive(Debug, Clone)]
pub(crate) struct ImageRow {
    pub(crate) id: ImageId,
    pub(crate) job: u64,
    pub(crate) place: u32,
    pub(crate) bytes: u64,
    pub(crate) created: Moment,
    /// Somebody removed it; the row remains so that it is not drawn again.
    pub(crate) deleted: bool,
    /// Somebody wants it never to be removed for its age or for room.
    pub(crate) kept: bool,
    /// Bytes of the device's memory that were held while it was drawn, where that is known.
    pub(crate) memory: Option<u64>,
}

/// The statements were written for the tables, so what fails is a row that something else wrote.
const READ: &str = "read the jobs";
const WRITE: &str = "write down the job";

impl JobRow {
    /// What the job has to draw in all.
    pub(crate) fn demand(&self) -> Demand {
        Demand {
            width: self.width,
            height: self.height,
            steps: self.steps,
            pictures: self.seeds.len(),
        }
    }

    pub(crate) fn request(&self) -> Result<JobRequest> {
        serde_json::from_str(&self.request).map_err(Error::damaged("request"))
    }

    /// The pictures that no row of `images` stands for: index and seed.
    pub(crate) fn missing(&self, images: &[ImageRow]) -> Vec<(u32, u64)> {
        (0..)
            .zip(self.seeds.iter().copied())
            .filter(|(place, _)| images.iter().all(|image| image.place != *place))
            .collect()
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let text = |name: &str| row.get::<_, String>(name);
        let moment =
            |name: &str| row.get::<_, Option<u64>>(name).map(|it| it.map(Moment::of_micros));
        Ok(Self {
            number: row.get("number")?,
            id: parsed(text("id")?.parse())?,
            state: parsed(State::read(&text("state")?))?,
            client: text("client")?,
            priority: parsed(text("priority")?.parse())?,
            request: text("request")?,
            plan: text("plan")?,
            width: row.get("width")?,
            height: row.get("height")?,
            steps: row.get("steps")?,
            seeds: parsed(serde_json::from_str(&text("seeds")?))?,
            deadline: Duration::from_micros(row.get("deadline")?),
            created: Moment::of_micros(row.get("created")?),
            started: moment("started")?,
            finished: moment("finished")?,
            attempt: row.get("attempt")?,
            losses: row.get("losses")?,
            alone: row.get("alone")?,
            cancel_wanted: row.get("cancel_wanted")?,
            warnings: parsed(serde_json::from_str(&text("warnings")?))?,
            error: match row.get::<_, Option<String>>("error")? {
                Some(error) => Some(parsed(serde_json::from_str(&error))?),
                None => None,
            },
            request_id: row.get("request_id")?,
            owner: row.get::<_, Option<String>>("owner")?.map(Owner::read),
        })
    }
}

impl ImageRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: parsed(row.get::<_, String>("id")?.parse())?,
            job: row.get("job")?,
            place: row.get("place")?,
            bytes: row.get("bytes")?,
            created: Moment::of_micros(row.get("created")?),
            deleted: row.get("deleted")?,
            kept: row.get("kept")?,
            memory: row.get("memory")?,
        })
    }
}

fn parsed<T, E>(value: Result<T, E>) -> rusqlite::Result<T>
where
    E: std::error::Error + Send + Sync + 'static,
{
    // The column is not counted out: what the text says names it well enough.
    value.map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error)))
}

/// Writes a new job down, waiting, and gives its number.
pub(crate) fn insert_job(
    connection: &Connection,
    id: &JobId,
    submission: &Submission,
    request: &str,
    fingerprint: &[u8],
    now: Moment,
) -> Result<u64> {
    let failed = Error::database(WRITE);
    let json = |list: serde_json::Result<String>| list.map_err(Error::damaged("list"));
    let mut statement = connection
        .prepare_cached(
            "INSERT INTO jobs (id, state, client, idempotency_key, fingerprint, priority, request, plan, width, height, steps, seeds,
                 deadline, created, warnings, request_id, owner, via)
             VALUES (:id, 'queued', :client, :key, :fingerprint, :priority, :request, :plan, :width, :height, :steps, :seeds,
                 :deadline, :created, :warnings, :request_id, :owner, :via)",
        )
        .map_err(&failed)?;
    let deadline = i64::try_from(submission.deadline.as_micros()).unwrap_or(i64::MAX);
    statement
        .execute(named_params! {
            ":id": id.as_str(),
            ":client": submission.client,
            ":key": submission.known_as(),
            ":fingerprint": fingerprint,
            ":priority": submission.priority.as_str(),
            ":request": request,
            ":plan": submission.plan,
            ":width": submission.width,
            ":height": submission.height,
            ":steps": submission.steps,
            ":seeds": json(serde_json::to_string(&submission.seeds))?,
            ":deadline": deadline,
            ":created": now.micros(),
            ":warnings": json(serde_json::to_string(&submission.warnings))?,
            ":request_id": submission.request_id,
            ":owner": submission.sender.owner.as_ref().map(Owner::as_str),
            ":via": submission.sender.via.as_str(),
        })
        .map_err(&failed)?;
    let number = connection.last_insert_rowid();
    for input in &submission.inputs {
        connection
            .execute(
                "INSERT INTO inputs (job, name, bytes) VALUES (?1, ?2, ?3)",
                params![number, input.name, input.bytes],
            )
            .map_err(&failed)?;
    }
    Ok(number.unsigned_abs())
}

/// The job that was submitted with a key of its owner ([`Submission::known_as`]), and its fingerprint.
pub(crate) fn job_of_key(connection: &Connection, key: &str) -> Result<Option<(JobId, Vec<u8>)>> {
    let failed = Error::database(READ);
    let mut statement = connection
        .prepare_cached("SELECT id, fingerprint FROM jobs WHERE idempotency_key = ?1")
        .map_err(&failed)?;
    statement
        .query_row([key], |row| Ok((parsed(row.get::<_, String>(0)?.parse())?, row.get(1)?)))
        .optional()
        .map_err(&failed)
}

pub(crate) fn job(connection: &Connection, id: &JobId) -> Result<JobRow> {
    let rows = jobs(connection, "WHERE id = ?1", &[&id.as_str()])?;
    rows.into_iter().next().ok_or_else(|| Error::NoJob(id.clone()))
}

/// The jobs that a clause selects.
pub(crate) fn jobs(
    connection: &Connection,
    clause: &str,
    values: &[&dyn ToSql],
) -> Result<Vec<JobRow>> {
    select(connection, &format!("SELECT * FROM jobs {clause}"), values, JobRow::read)
}

/// The pictures that a clause selects.
pub(crate) fn images(
    connection: &Connection,
    clause: &str,
    values: &[&dyn ToSql],
) -> Result<Vec<ImageRow>> {
    select(connection, &format!("SELECT * FROM images {clause}"), values, ImageRow::read)
}

/// All pictures of a job, also those that somebody removed, in the order of their seeds.
pub(crate) fn images_of(connection: &Connection, job: u64) -> Result<Vec<ImageRow>> {
    images(connection, "WHERE job = ?1 ORDER BY place", &[&job])
}

fn select<T>(
    connection: &Connection,
    statement: &str,
    values: &[&dyn ToSql],
    read: fn(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    let failed = Error::database(READ);
    let mut statement = connection.prepare_cached(statement).map_err(&failed)?;
    let rows = statement.query_map(values, read).map_err(&failed)?;
    rows.map(|row| {
        row.map_err(|error| match error {
            rusqlite::Error::FromSqlConversionFailure(_, _, why) => {
                Error::Damaged { what: "row", why: why.to_string() }
            }
            error => failed(error),
        })
    })
    .collect()
}

/// One number, such as a count or a sum; 0 for the sum of nothing.
pub(crate) fn number(
    connection: &Connection,
    statement: &str,
    values: &[&dyn ToSql],
) -> Result<u64> {
    let failed = Error::database(READ);
    let mut statement = connection.prepare_cached(statement).map_err(&failed)?;
    let number: Option<u64> = statement.query_row(values, |row| row.get(0)).map_err(&failed)?;
    Ok(number.unwrap_or(0))
}

/// Runs a statement that changes rows.
pub(crate) fn change(
    connection: &Connection,
    statement: &str,
    values: &[&dyn ToSql],
) -> Result<usize> {
    let failed = Error::database(WRITE);
    let mut statement = connection.prepare_cached(statement).map_err(&failed)?;
    statement.execute(values).map_err(&failed)
}

/// The bytes that came with a job.
pub(crate) fn inputs(connection: &Connection, job: u64) -> Result<Vec<crate::Input>> {
    let read =
        |row: &Row<'_>| Ok(crate::Input { name: row.get("name")?, bytes: row.get("bytes")? });
    select(connection, "SELECT name, bytes FROM inputs WHERE job = ?1 ORDER BY name", &[&job], read)
}

pub(crate) fn pace(connection: &Connection) -> Result<Pace> {
    let read = |row: &Row<'_>| {
        let name: String = row.get("piece")?;
        let piece = Piece::ALL.into_iter().find(|piece| piece.as_str() == name);
        let average = Average { seconds: row.get("seconds")?, count: row.get("count")? };
        let size = row.get("size")?;
        Ok(piece.map(|piece| (Class { piece, size }, average)))
    };
    Ok(Pace::of(select(connection, "SELECT * FROM pace", &[], read)?.into_iter().flatten()))
}

pub(crate) fn store_pace(connection: &Connection, class: Class, average: Average) -> Result<()> {
    let statement =
        "INSERT OR REPLACE INTO pace (piece, size, seconds, count) VALUES (?1, ?2, ?3, ?4)";
    let (piece, Average { seconds, count }) = (class.piece.as_str(), average);
    change(connection, statement, &[&piece, &class.size, &seconds, &count])?;
    Ok(())
}
