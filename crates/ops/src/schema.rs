//! `distil schema`: the JSON Schema of recipes.

/// The schema, as indented JSON.
pub fn schema() -> String {
    let schema = recipe::schema();
    serde_json::to_string_pretty(&schema).unwrap_or_default()
}
