//! The checkpoint's chat template: the words around a prompt that the encoder was trained with.
//!
//! Templates are Jinja as Hugging Face's tokenizers run it. This knows only the one conversation
//! that Z-Image uses: one user turn, then the start of the assistant's.

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, ErrorKind, context};

/// Renders `template` around `prompt`, with the generation prompt and thinking enabled.
pub(super) fn render(template: &str, prompt: &str) -> Result<String, Error> {
    let mut environment = Environment::new();
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_function("raise_exception", |message: String| -> Result<String, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, message))
    });
    environment.add_template("chat", template)?;
    environment.get_template("chat")?.render(context! {
        messages => [context! { role => "user", content => prompt }],
        add_generation_prompt => true,
        enable_thinking => true,
        tools => (),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_turn_without_a_think_block() {
        let template = "{%- for m in messages %}{{- '<|im_start|>' + m['role'] + '\\n' + \
            m['content'] + '<|im_end|>\\n' }}{%- endfor %}{%- if add_generation_prompt %}\
            {{- '<|im_start|>assistant\\n' }}{%- if enable_thinking is defined and enable_thinking \
            is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}{%- endif %}";
        assert_eq!(
            render(template, "一只猫 {{ 1 }}").unwrap(),
            "<|im_start|>user\n一只猫 {{ 1 }}<|im_end|>\n<|im_start|>assistant\n"
        );
    }

    #[test]
    fn python_methods_and_loops_work_as_published_templates_use_them() {
        let template = "{%- set ns = namespace(last=-1) %}\
            {%- for m in messages[::-1] %}{%- set index = (messages|length - 1) - loop.index0 %}\
            {%- if m.role == 'user' and not(m.content.startswith('<tool>')) %}\
            {%- set ns.last = index %}{%- endif %}{%- endfor %}\
            {%- if tools %}tools{%- endif %}{{- ns.last }}:{{ messages[0].content.strip() }}";
        assert_eq!(render(template, "  a cat ").unwrap(), "0:a cat");
    }

    #[test]
    fn a_template_may_refuse() {
        let error = render("{{ raise_exception('no system turn') }}", "a cat").unwrap_err();
        assert!(error.to_string().contains("no system turn"), "{error}");
    }
}
