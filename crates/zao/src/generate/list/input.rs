//! The pictures that rows begin with, read again only where the next row names another.

use zao_api::Request;
use zao_request::Input;

use crate::failure::Result;
use crate::generate::input::read;

/// The last picture that was read.
#[derive(Default)]
pub(super) struct Inputs(Option<(Key, Input)>);

/// Picture, mask and strength.
type Key = (String, Option<String>, Option<f64>);

impl Inputs {
    /// What `request` begins with, if with anything.
    ///
    /// # Errors
    /// A file that cannot be read or is no picture.
    pub(super) fn read(&mut self, request: &Request) -> Result<Option<&Input>> {
        let Some(image) = &request.image else { return Ok(None) };
        let key = (image.clone(), request.mask.clone(), request.strength);
        if self.0.as_ref().is_none_or(|(known, _)| *known != key) {
            self.0 = read(request)?.map(|input| (key, input));
        }
        Ok(self.0.as_ref().map(|(_, input)| input))
    }
}
