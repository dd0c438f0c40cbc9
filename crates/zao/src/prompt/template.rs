//! `zao prompt template`: slots to a prompt, or a prompt to its slots.

use zao_prompt::{Slots, Template};

use super::input;
use crate::cli::PromptTemplateArgs;
use crate::failure::{Failure, Result};
use crate::language::{Language, Text, both};
use crate::{columns, console, places};

pub(crate) fn run(args: &PromptTemplateArgs) -> Result<()> {
    let given =
        args.prompt.as_deref().map(|typed| input::read(typed, &args.unquoted)).transpose()?;
    let template = filled(given.as_deref().map(Template::of).unwrap_or_default(), args);
    let prompt = template.prompt();
    if prompt.is_empty() {
        return Err(Failure::usage(
            "nothing to make a prompt of; give a prompt to take apart, or --subject and other slots",
        ));
    }
    console::result(if args.json {
        serde_json::to_string_pretty(&template)?
    } else if given.is_none() {
        prompt
    } else {
        lines(&template, args.language.unwrap_or_else(places::language)).join("\n")
    })?;
    Ok(())
}

/// The template with the slots of the command line in place of its own; details are added.
fn filled(template: Template, args: &PromptTemplateArgs) -> Template {
    let Template { slots, translation } = template;
    let of = |given: &Option<String>, slot: String| given.clone().unwrap_or(slot);
    let slots = Slots {
        subject: of(&args.subject, slots.subject),
        action: of(&args.action, slots.action),
        details: [slots.details, args.detail.clone()].concat(),
        background: of(&args.background, slots.background),
        style: of(&args.style, slots.style),
    };
    Template { slots, translation }
}

fn lines(template: &Template, language: Language) -> Vec<String> {
    let mut rows = rows(&template.slots, language);
    if let Some(english) = &template.translation {
        let heading = both!("in English:", "英文：");
        rows.push((heading.say(language).to_owned(), vec![String::new()]));
        rows.extend(self::rows(english, language));
    }
    let label = both!("prompt", "提示词");
    rows.push((label.say(language).to_owned(), vec![template.prompt()]));
    columns::labelled(&rows).iter().map(|line| line.trim_end().to_owned()).collect()
}

/// A row for each slot that has something.
fn rows(slots: &Slots, language: Language) -> Vec<(String, Vec<String>)> {
    let Slots { subject, action, details, background, style } = slots;
    let one = |text: &String| vec![text.clone()];
    let rows: [(Text, Vec<String>); 5] = [
        (both!("subject", "主体"), one(subject)),
        (both!("action", "动作"), one(action)),
        (both!("detail", "细节"), details.clone()),
        (both!("background", "背景"), one(background)),
        (both!("style", "风格"), one(style)),
    ];
    let named = rows.into_iter().map(|(label, texts)| {
        let texts: Vec<String> = texts.iter().map(|text| on_one_line(text)).collect();
        (
            label.say(language).to_owned(),
            texts.into_iter().filter(|text| !text.is_empty()).collect(),
        )
    });
    named.filter(|(_, texts): &(String, Vec<String>)| !texts.is_empty()).collect()
}

/// A terminal's table has a line for each slot, and obeys no control characters of a prompt.
fn on_one_line(text: &str) -> String {
    text.split(char::is_control).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn all_words_are_there_in_both_languages() {
        crate::language::tests::check_pairs(include_str!("template.rs"));
    }
}
