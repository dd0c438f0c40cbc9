//! Which code clients are told for what went wrong with a job.

use zao_api::ErrorCode;
use zao_engine::Error;

/// Why a job will not be drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) code: ErrorCode,
    pub(super) message: String,
}

impl Failure {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The wish itself cannot be met.
    pub(super) fn of_request(error: &zao_request::Error) -> Self {
        match error {
            zao_request::Error::Engine(error) => Self::of_engine(error),
            zao_request::Error::NotOnShelf { .. } | zao_request::Error::UnknownLora { .. } => {
                Self::new(ErrorCode::InvalidRequest, error.to_string())
            }
            zao_request::Error::Adapters(_) => Self::new(ErrorCode::Io, error.to_string()),
            zao_request::Error::TooLarge { .. } | zao_request::Error::Png(_) => {
                Self::new(ErrorCode::Internal, error.to_string())
            }
        }
    }

    /// The engine could not.
    pub(super) fn of_engine(error: &Error) -> Self {
        let code = match error {
            Error::Job(_) | Error::Adapter(_) => ErrorCode::InvalidRequest,
            Error::Weights(_) => ErrorCode::ModelInvalid,
            Error::Cancelled => ErrorCode::Cancelled,
            other if other.is_out_of_memory() => ErrorCode::OutOfMemory,
            _ => ErrorCode::Internal,
        };
        Self::new(code, error.to_string())
    }

    pub(super) fn cancelled() -> Self {
        Self::new(ErrorCode::Cancelled, "cancelled")
    }

    pub(super) fn too_late(seconds: f64) -> Self {
        // Two digits are as fine as anybody waits.
        let hundredths = (seconds * 100.0).round() / 100.0;
        let message = format!("not done within the {hundredths} seconds that the job may take");
        Self::new(ErrorCode::DeadlineExceeded, message)
    }
}
