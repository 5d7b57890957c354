//! The line that is made of a row, by the options.

use crate::convert::ConvertOptions;
use crate::convert::members::Members;
use crate::convert::template::{NUMBER, Says, Template, has_columns};
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
    for (param, json) in [("template", &options.template), ("extra", &options.extra)] {
        let Some(json) = json else { continue };
        if let Some(fault) = explain(json.as_bytes()) {
            let place = ["character ", &fault.column.to_string(), ": ", &fault.message()].concat();
            return Err(invalid(param, &["it is no JSON at ", &place].concat()));
        }
        if !json.trim_ascii_start().starts_with('{') {
            return Err(invalid(param, "it must be a JSON object, the body of a request."));
        }
    }
    let template_has = |name: &str| has_member(options.template.as_deref(), name);
    let optional = Endpoint::of(&options.endpoint).is_some_and(|endpoint| endpoint.model_optional);
    match (&options.model, template_has("model")) {
        (Some(_), true) => return Err(invalid("model", "the template names a model itself.")),
        (None, false) if !optional && !has_member(options.extra.as_deref(), "model") => {
            return Err(ApiError::missing_parameter("model"));
        }
        _ => {}
    }
    if options.template.is_some() {
        for (param, given) in [("prompt", &options.prompt), ("system", &options.system)] {
            if given.is_some() {
                return Err(invalid(param, "the template is the whole body: write it there."));
            }
        }
    } else if shape_of(&options.endpoint).is_none() {
        let hint = ["what '", &options.endpoint, "' asks for is not known: give a template."].concat();
        return Err(invalid("endpoint", &hint));
    } else if options.system.is_some() && system_member(&options.endpoint).is_none() {
        return Err(invalid("system", "this endpoint has no place for it."));
    }
    Ok(())
}

/// Where the prompt goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Messages,
    /// The member of this name is the prompt.
    Text(&'static str),
}

fn shape_of(endpoint: &str) -> Option<Shape> {
    let own = Endpoint::of(endpoint)?.own.name;
    Some(if own == "messages" { Shape::Messages } else { Shape::Text(own) })
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
    let error = missing.map(|needed| no_column(needed.param, &needed.name, columns));
    error.map_or(Ok(line), Err)
}

fn body(options: &ConvertOptions, columns: &[String], line: &mut Template) -> Result<(), ApiError> {
    let mut opened = false;
    let mut open = |line: &mut Template| {
        let first = !std::mem::replace(&mut opened, true);
        line.literal(if first { b"{" } else { b"," });
    };
    if let Some(model) = &options.model {
        open(line);
        line.literal(b"\"model\":");
        line.string(&Says::Text(model), "model");
    }
    let mut made = Vec::from(if options.model.is_some() { &["model"][..] } else { &[] });
    if let Some(template) = &options.template {
        let members = members_of(template);
        if !members.is_empty() {
            open(line);
            line.json(members.as_bytes(), "template");
        }
    } else if let Some(shape) = shape_of(&options.endpoint) {
        open(line);
        let prompt = prompt_of(options, columns)?;
        match shape {
            Shape::Messages => {
                line.literal(b"\"messages\":[");
                if let Some(system) = &options.system {
                    line.literal(b"{\"role\":\"system\",\"content\":");
                    line.string(&Says::Text(system), "system");
                    line.literal(b"},");
                }
                line.literal(b"{\"role\":\"user\",\"content\":");
                line.string(&prompt, "prompt");
                line.literal(b"}]");
                made.push("messages");
            }
            Shape::Text(name) => {
                if let (Some(system), Some(member)) = (&options.system, system_member(&options.endpoint)) {
                    line.literal(&["\"", member, "\":"].concat().into_bytes());
                    line.string(&Says::Text(system), "system");
                    line.literal(b",");
                    made.push(member);
                }
                line.literal(&["\"", name, "\":"].concat().into_bytes());
                line.string(&prompt, "prompt");
                made.push(name);
            }
        }
    }
    if let Some(extra) = &options.extra {
        let template = options.template.as_deref();
        if let Some((name, _)) = Members::of(extra.as_bytes())
            .find(|(name, _)| made.contains(&&**name) || has_member(template, name))
        {
            let reason = ["the body has '", text::first(&name, NAME_CHARS), "' already."].concat();
            return Err(invalid("extra", &reason));
        }
        let members = members_of(extra);
        if !members.is_empty() {
            open(line);
            line.json(members.as_bytes(), "extra");
        }
    }
    line.literal(if opened { b"}" } else { b"{}" });
    Ok(())
}

/// What says the prompt: what is named, or the column that seems to be it.
fn prompt_of<'a>(options: &'a ConvertOptions, columns: &'a [String]) -> Result<Says<'a>, ApiError> {
    if let Some(prompt) = &options.prompt {
        return named("prompt", prompt, columns);
    }
    let mut others = columns.iter().filter(|&column| !IDS.contains(&column.to_ascii_lowercase().trim()));
    let only = others.next().filter(|_| others.next().is_none());
    known(&PROMPTS, columns).or_else(|| only.map(|only| Says::Column(only))).ok_or_else(|| {
        let reason = ["which column holds the prompt? The file has ", &list(columns), "."].concat();
        invalid("prompt", &reason)
    })
}

/// The first of these names that is a column, written however it may be.
fn known<'a>(names: &[&str], columns: &'a [String]) -> Option<Says<'a>> {
    let column = |name: &&str| columns.iter().find(|column| column.trim().eq_ignore_ascii_case(name));
    names.iter().find_map(column).map(|column| Says::Column(column))
}

/// What an option means: a column by its name, or a text with columns.
fn named<'a>(param: &'static str, given: &'a str, columns: &[String]) -> Result<Says<'a>, ApiError> {
    if columns.iter().any(|column| column == given) {
        return Ok(Says::Column(given));
    }
    if has_columns(given) { Ok(Says::Text(given)) } else { Err(no_column(param, given, columns)) }
}

/// What is between the braces of an object.
fn members_of(object: &str) -> &str {
    let object = object.trim_ascii();
    object.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default().trim_ascii()
}

fn has_member(object: Option<&str>, name: &str) -> bool {
    object.is_some_and(|object| Members::of(object.as_bytes()).any(|(member, _)| member == name))
}

fn no_column(param: &'static str, name: &str, columns: &[String]) -> ApiError {
    let name = text::quoted(name, NAME_CHARS);
    let braces = if param == "custom_id" {
        String::new()
    } else {
        [" For braces in a text write {{", &name, "}}."].concat()
    };
    invalid(
        param,
        &["there is no column '", &name, "'; the file has ", &list(columns), ".", &braces].concat(),
    )
}

fn list(columns: &[String]) -> String {
    let names: Vec<_> = columns.iter().take(NAMED).map(|name| text::quoted(name, NAME_CHARS)).collect();
    let more = if columns.len() > NAMED { ", …" } else { "" };
    [if names.is_empty() { "none" } else { "" }, &names.join(", "), more].concat()
}

pub(super) fn invalid(param: &'static str, reason: &str) -> ApiError {
    ApiError::invalid_request(["Invalid '", param, "': ", reason].concat()).param(param).code("invalid_value")
}
