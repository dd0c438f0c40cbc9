//! Pictures that somebody wants to stay: they are removed by nobody but whoever deletes them. What is removed when is [`super::sweep`]'s.

use zao_api::Image;

use super::{Lasting, Ledger, commit};
use crate::{Error, ImageId, Result, rows};

impl Ledger {
    /// Has a picture stay, whatever its age and however little room is left, or lets it go with the others again. What stays counts to
    /// the limits, of which it may take half.
    ///
    /// # Errors
    /// [`Error::NoImage`], [`Error::KeptFull`], and those of the database.
    pub fn keep_image(&self, id: &ImageId, kept: bool) -> Result<Image> {
        let mut writer = self.writer(self.queue_up());
        let transaction = writer.begin(Lasting::PowerCut)?;
        let found = rows::images(&transaction, "WHERE id = ?1 AND deleted = 0", &[&id.as_str()])?;
        let image = found.first().ok_or_else(|| Error::NoImage(id.clone()))?;
        if kept && !image.kept {
            let full = |unit, kept, most| Error::KeptFull { image: id.clone(), unit, kept, most };
            let retention = &self.limits.retention;
            let bytes = "SELECT sum(bytes) FROM images WHERE kept = 1";
            let (bytes, most) = (rows::number(&transaction, bytes, &[])?, retention.kept_bytes());
            if bytes.saturating_add(image.bytes) > most {
                return Err(full("bytes", bytes, most));
            }
            let jobs = "SELECT count(DISTINCT job) FROM images WHERE kept = 1 AND job <> ?1";
            let jobs = rows::number(&transaction, jobs, &[&image.job])?;
            if jobs >= retention.kept_jobs() {
                return Err(full("jobs", jobs, retention.kept_jobs()));
            }
        }
        let statement = "UPDATE images SET kept = ?2 WHERE id = ?1";
        rows::change(&transaction, statement, &[&id.as_str(), &kept])?;
        commit(transaction)?;
        drop(writer);
        self.image(id)
    }
}
