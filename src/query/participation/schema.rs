//! How the figures that are no plain numbers look in JSON.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

use super::suppress::{Band, Cell};

impl PartialSchema for Cell {
    fn schema() -> RefOr<Schema> {
        let types = SchemaType::from_iter([Type::Integer, Type::String, Type::Null]);
        let meaning =
            "A number, `<10` for a small cell, `null` for one withheld on account of another";
        ObjectBuilder::new().schema_type(types).description(Some(meaning)).into()
    }
}

impl ToSchema for Cell {}

impl PartialSchema for Band {
    fn schema() -> RefOr<Schema> {
        let names = [Self::Under18, Self::Adult, Self::Under65, Self::Senior].map(Self::name);
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).into()
    }
}

impl ToSchema for Band {}
