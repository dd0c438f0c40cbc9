//! How wire types are described to programs that are not written in Rust, where a derive cannot say it. Nothing is read, written or
//! checked here.

use std::borrow::Cow;

use utoipa::openapi::schema::{AdditionalProperties, SchemaType, Type};
use utoipa::openapi::{
    Array, ArrayBuilder, KnownFormat, Object, ObjectBuilder, OneOfBuilder, Ref, RefOr, Schema,
    SchemaFormat,
};
use utoipa::{PartialSchema, ToSchema};

use crate::{JobRequest, Priority, Request, Steps};

/// Seeds, which are marked apart from other integers: many readers of JSON need another type for them.
pub(crate) fn seeds() -> Array {
    let seed = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::Integer))
        .format(Some(SchemaFormat::Custom("uint64".into())))
        .minimum(Some(0_u64));
    let text = "The seed of each picture; integers that may exceed 2^53 where a client chose them.";
    ArrayBuilder::new().items(seed.build()).description(Some(text)).build()
}

/// A seed in a request: a number, or its digits for those who cannot write such numbers.
pub fn asked_seed() -> Object {
    let kinds = SchemaType::from_iter([Type::Integer, Type::String, Type::Null]);
    let text = "Seed of the first picture; the next ones count up from it. A number from 0 to 2^64 - 1, or its decimal digits as text for \
                clients whose numbers end at 2^53.";
    ObjectBuilder::new()
        .schema_type(kinds)
        .format(Some(SchemaFormat::Custom("uint64".into())))
        .minimum(Some(0_u64))
        .pattern(Some("^[0-9]{1,20}$"))
        .description(Some(text))
        .build()
}

/// A number or a word, which no derive says.
impl PartialSchema for Steps {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Integer))
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
            .minimum(Some(1));
        let word = ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .enum_values(Some(["auto"]));
        let text = "How many denoising steps; `auto` is what the prompt asks for.";
        let either = OneOfBuilder::new().item(number.build()).item(word.build());
        either.description(Some(text)).into()
    }
}

impl ToSchema for Steps {
    fn name() -> Cow<'static, str> {
        "Steps".into()
    }
}

/// The fields of a request and those of a job side by side, as [`JobRequest::FIELDS`] has them. A derive would name a type of its
/// own for the request's, with fields in it that servers refuse.
impl PartialSchema for JobRequest {
    fn schema() -> RefOr<Schema> {
        let mut object = match Request::schema() {
            RefOr::T(Schema::Object(object)) => object,
            _ => Object::new(),
        };
        object.properties.retain(|name, _| Self::FIELDS.contains(&name.as_str()));
        for (name, text) in [
            (
                "image",
                "A picture to begin with: a data URL (`data:image/png;base64,...`) or the id of a picture of this server. A data URL \
                 is shown again as `data:` alone.",
            ),
            (
                "mask",
                "A mask likewise: white where that picture is drawn anew, black where it stays.",
            ),
        ] {
            if let Some(RefOr::T(Schema::Object(field))) = object.properties.get_mut(name) {
                field.description = Some(text.into());
            }
        }
        object.description = Some("A wish for pictures. Only `prompt` is needed; what is absent or null is left to the server.".into());
        object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        let own = |kind, format: Option<&str>, text: &str| {
            let format = format.map(|format| SchemaFormat::Custom(format.into()));
            let kinds = SchemaType::from_iter([kind, Type::Null]);
            ObjectBuilder::new().schema_type(kinds).format(format).description(Some(text))
        };
        let previews = own(
            Type::Integer,
            Some("int32"),
            "How many pictures of the way there each picture shows.",
        );
        let deadline = own(
            Type::Number,
            Some("double"),
            "Seconds from its start after which the job is given up.",
        );
        let mut priority = Ref::from_schema_name(Priority::name());
        priority.description = "Whose turn it is before others'.".into();
        let null = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Null));
        let priority: RefOr<Schema> = OneOfBuilder::new().item(priority).item(null).into();
        object.properties.insert("priority".into(), priority);
        object.properties.insert("previews".into(), previews.minimum(Some(0)).into());
        let deadline = deadline.exclusive_minimum(Some(0));
        object.properties.insert("deadline_seconds".into(), deadline.into());
        let smaller = own(
            Type::Boolean,
            None,
            "Whether a smaller picture may be drawn where memory has no room for one as large as was asked for.",
        );
        object.properties.insert("allow_downscale".into(), smaller.into());
        let told = own(
            Type::Boolean,
            None,
            "`false` keeps the recipe out of the PNG; the job has it as before.",
        );
        object.properties.insert("metadata".into(), told.into());
        RefOr::T(Schema::Object(object))
    }
}

impl ToSchema for JobRequest {
    fn name() -> Cow<'static, str> {
        "JobRequest".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Request::schemas(schemas);
        schemas.retain(|(name, _)| name != "Precision");
        schemas.push((Priority::name().into_owned(), Priority::schema()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_described_with_the_fields_that_servers_take() {
        let RefOr::T(Schema::Object(object)) = JobRequest::schema() else { panic!("it is one") };
        let mut described: Vec<&str> = object.properties.keys().map(String::as_str).collect();
        let mut taken = JobRequest::FIELDS.to_vec();
        described.sort_unstable();
        taken.sort_unstable();
        assert_eq!(described, taken);
        assert_eq!(object.required, ["prompt"]);
    }
}
