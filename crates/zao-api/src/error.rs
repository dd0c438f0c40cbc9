//! What a failure looks like on the wire. It does NOT decide which failure gets which code.

use serde::{Deserialize, Serialize};

/// A failure as one JSON object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ErrorBody {
    /// What kind of failure it is; programs decide by this.
    pub code: ErrorCode,
    /// One line for people: what went wrong and what to do next. Its wording may change.
    pub message: String,
}

/// The closed set of failure codes. A new code is a change of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request cannot be met as written; sending it again unchanged fails again.
    InvalidRequest,
    /// No model of that name or path is installed.
    ModelNotFound,
    /// The model's files are there but incomplete, damaged or of an unknown kind.
    ModelInvalid,
    /// The device or the machine has too little memory for this job; a smaller one may fit.
    OutOfMemory,
    /// The job was cancelled before it was done.
    Cancelled,
    /// The job took longer than it may.
    DeadlineExceeded,
    /// Workers were lost again and again while they drew the job.
    WorkerLost,
    /// There is no room left on the disk for the pictures.
    StorageFull,
    /// A file or a connection could not be read or written.
    Io,
    /// A fault of zao itself.
    Internal,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_written_in_snake_case() {
        let codes = [
            (ErrorCode::InvalidRequest, "invalid_request"),
            (ErrorCode::ModelNotFound, "model_not_found"),
            (ErrorCode::ModelInvalid, "model_invalid"),
            (ErrorCode::OutOfMemory, "out_of_memory"),
            (ErrorCode::Cancelled, "cancelled"),
            (ErrorCode::DeadlineExceeded, "deadline_exceeded"),
            (ErrorCode::WorkerLost, "worker_lost"),
            (ErrorCode::StorageFull, "storage_full"),
            (ErrorCode::Io, "io"),
            (ErrorCode::Internal, "internal"),
        ];
        for (code, name) in codes {
            assert_eq!(serde_json::to_value(code).unwrap(), name);
            assert_eq!(serde_json::from_value::<ErrorCode>(name.into()).unwrap(), code);
        }
    }

    #[test]
    fn the_set_of_codes_is_closed() {
        let body = r#"{"code": "teapot", "message": "short and stout"}"#;
        assert!(serde_json::from_str::<ErrorBody>(body).is_err());
    }
}
