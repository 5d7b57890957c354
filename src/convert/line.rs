//! The line that is made of a row, by the options.

use crate::convert::ConvertOptions;
use crate::convert::members::Members;
use crate::convert::template::{NUMBER, Needed, Says, Template, has_columns};
use crate::error::ApiError;
use crate::input::endpoint::Endpoint;
use crate::json::explain::explain;
use crate::text;

/// Columns that are taken for the prompt where none is named, the first of these that there is.
const PROMPTS: [&str; 9] =
    ["prompt", "text", "input", "question", "query", "instruction", "message", "content", "prompts"];
/// Columns that are taken for the `custom_id`.
const IDS: [&str; 2] = ["custom_id", "id"];
/// Columns that an error names.
const NAMED: usize = 20;
const NAME_CHARS: usize = 60;

/// What can be told of the options before the file is there.
///
/// # Errors
/// An [`ApiError`] that names the option at fault.
pub(super) fn check(options: &ConvertOptions) -> Result<(), ApiError> {
    if options.separator.is_some_and(|separator| !separator.is_ascii() || b"\"\r\n".contains(&separator)) {
        return Err(invalid("separator", &["it must be one ASCII character, and no quote or line end."]));
    }
    for (param, json) in [("template", &options.template), ("extra", &options.extra)] {
        let Some(json) = json else { continue };
        if let Some(fault) = explain(json.as_bytes()) {
            let column = fault.column.to_string();
            return Err(invalid(param, &["it is no JSON at character ", &column, ": ", &fault.message()]));
        }
        if !json.trim_ascii_start().starts_with('{') {
            return Err(invalid(param, &["it must be a JSON object, the body of a request."]));
        }
    }
    let template_has = |name: &str| has_member(options.template.as_deref(), name);
    let optional = Endpoint::of(&options.endpoint).is_some_and(|endpoint| endpoint.model_optional);
    match (&options.model, template_has("model")) {
        (Some(_), true) => return Err(invalid("model", &["the template names a model itself."])),
        (None, false) if !optional && !has_member(options.extra.as_deref(), "model") => {
            return Err(ApiError::missing_parameter("model"));
        }
        _ => {}
    }
    if options.template.is_some() {
        for (param, given) in [("prompt", &options.prompt), ("system", &options.system)] {
            if given.is_some() {
                return Err(invalid(param, &["the template is the whole body: write it there."]));
            }
        }
    } else if Endpoint::of(&options.endpoint).is_none() {
        let hint = ["what '", &options.endpoint, "' asks for is not known: give a template."];
        return Err(invalid("endpoint", &hint));
    } else if options.system.is_some() && system_member(&options.endpoint).is_none() {
        return Err(invalid("system", &["this endpoint has no place for it."]));
    }
    Ok(())
}

/// Where the system text goes: in a message, or in a member of its own.
fn system_member(endpoint: &str) -> Option<&'static str> {
    let endpoint = Endpoint::of(endpoint)?;
    match endpoint.own.name {
        "messages" => Some("messages"),
        _ => endpoint.stateful.then_some("instructions"),
    }
}

/// The line for rows that have these columns.
///
/// # Errors
/// An [`ApiError`] that names the option for which there is no column.
pub(super) fn line(options: &ConvertOptions, columns: &[String]) -> Result<Template, ApiError> {
    let mut line = Template::default();
    line.literal(b"{\"custom_id\":");
    let id = match options.custom_id.as_deref() {
        Some("") => None,
        Some(given) => Some(named("custom_id", given, columns)?),
        None => known(&IDS, columns),
    };
    line.string(&id.unwrap_or(Says::Text("request-{#}")), "custom_id");
    line.literal(b",\"method\":\"POST\",\"url\":");
    line.string(&Says::Verbatim(&options.endpoint), "endpoint");
    line.literal(b",\"body\":");
    body(options, columns, &mut line)?;
    line.literal(b"}\n");
    let missing = line.needed.iter().find(|needed| needed.name != NUMBER && !columns.contains(&needed.name));
    let Some(Needed { name, param }) = missing else { return Ok(line) };
    let hint = [". For braces in a text write {{", text::first(name, NAME_CHARS), "}}."].concat();
    Err(no_column(param, name, columns, &hint))
}

fn body(options: &ConvertOptions, columns: &[String], line: &mut Template) -> Result<(), ApiError> {
    line.literal(b"{");
    let mut made = Vec::new();
    if let Some(model) = &options.model {
        member(line, &mut made, "model");
        line.string(&Says::Text(model), "model");
    }
    let template = options.template.as_deref();
    if let Some(template) = template {
        members(line, template, "template");
    } else if let Some(endpoint) = Endpoint::of(&options.endpoint) {
        let system = options.system.as_deref().zip(system_member(&options.endpoint));
        if let Some((system, "instructions")) = system {
            member(line, &mut made, "instructions");
            line.string(&Says::Text(system), "system");
        }
        let prompt = prompt_of(options, columns)?;
        let own = endpoint.own.name;
        member(line, &mut made, own);
        if own == "messages" {
            line.literal(b"[");
            if let Some((system, _)) = system {
                line.literal(b"{\"role\":\"system\",\"content\":");
                line.string(&Says::Text(system), "system");
                line.literal(b"},");
            }
            line.literal(b"{\"role\":\"user\",\"content\":");
            line.string(&prompt, "prompt");
            line.literal(b"}]");
        } else {
            line.string(&prompt, "prompt");
        }
    }
    if let Some(extra) = options.extra.as_deref() {
        for (name, _) in Members::of(extra.as_bytes()) {
            if made.contains(&&*name) || has_member(template, &name) {
                let name = text::first(&name, NAME_CHARS);
                return Err(invalid("extra", &["the body has '", name, "' already."]));
            }
        }
        members(line, extra, "extra");
    }
    line.literal(b"}");
    Ok(())
}

/// Begins a member of a body.
fn member(line: &mut Template, made: &mut Vec<&'static str>, name: &'static str) {
    line.comma();
    line.literal(b"\"");
    line.literal(name.as_bytes());
    line.literal(b"\":");
    made.push(name);
}

/// Adds the members of an object to a body.
fn members(line: &mut Template, object: &str, param: &'static str) {
    let object = object.trim_ascii().as_bytes();
    let members = &object[1..object.len() - 1];
    if !members.trim_ascii().is_empty() {
        line.comma();
        line.json(members, param);
    }
}

/// What says the prompt: what is named, or the column that seems to be it.
fn prompt_of<'a>(options: &'a ConvertOptions, columns: &'a [String]) -> Result<Says<'a>, ApiError> {
    if let Some(prompt) = &options.prompt {
        return named("prompt", prompt, columns);
    }
    if let Some(column) = known(&PROMPTS, columns) {
        return Ok(column);
    }
    let is_id = |column: &String| IDS.iter().any(|id| is_called(column, id));
    let mut others = columns.iter().filter(|column| !is_id(column));
    match (others.next(), others.next()) {
        (Some(only), None) => Ok(Says::Column(only)),
        _ => Err(invalid("prompt", &["which column holds the prompt? The file has ", &list(columns), "."])),
    }
}

/// The first of these names that is a column, written however it may be.
fn known<'a>(names: &[&str], columns: &'a [String]) -> Option<Says<'a>> {
    let column = |name: &&str| columns.iter().find(|column| is_called(column, name));
    names.iter().find_map(column).map(|column| Says::Column(column))
}

fn is_called(column: &str, name: &str) -> bool {
    column.trim_ascii().eq_ignore_ascii_case(name)
}

/// What an option means: a column by its name, or a text with columns.
fn named<'a>(param: &'static str, given: &'a str, columns: &[String]) -> Result<Says<'a>, ApiError> {
    if columns.iter().any(|column| column == given) {
        return Ok(Says::Column(given));
    }
    if has_columns(given) { Ok(Says::Text(given)) } else { Err(no_column(param, given, columns, ".")) }
}

fn has_member(object: Option<&str>, name: &str) -> bool {
    object.is_some_and(|object| Members::of(object.as_bytes()).any(|(member, _)| member == name))
}

fn no_column(param: &'static str, name: &str, columns: &[String], hint: &str) -> ApiError {
    let name = text::first(name, NAME_CHARS);
    invalid(param, &["there is no column '", name, "'; the file has ", &list(columns), hint])
}

fn list(columns: &[String]) -> String {
    let mut list = String::new();
    for column in columns.iter().take(NAMED) {
        if !list.is_empty() {
            list += ", ";
        }
        list += text::first(column, NAME_CHARS);
    }
    if columns.len() > NAMED {
        list += ", …";
    }
    if list.is_empty() { "none".to_owned() } else { list }
}

pub(super) fn invalid(param: &'static str, reason: &[&str]) -> ApiError {
    let reason = reason.concat();
    ApiError::invalid_request(["Invalid '", param, "': ", &reason].concat())
        .param(param)
        .code("invalid_value")
}
