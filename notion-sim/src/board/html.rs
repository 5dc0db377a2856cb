//! Building HTML: markup comes only from the program, everything else is escaped.

#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// Markup of the program itself.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text or an attribute's value, whatever it holds.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                other => self.0.push(other),
            }
        }
        self
    }

    pub(super) fn show(&mut self, value: impl std::fmt::Display) -> &mut Self {
        self.text(&value.to_string())
    }

    /// A text cut after `limit` characters, with a sign that there is more.
    pub(super) fn clipped(&mut self, text: &str, limit: usize) -> &mut Self {
        match text.char_indices().nth(limit) {
            Some((end, _)) => self.text(&text[..end]).raw("…"),
            None => self.text(text),
        }
    }

    /// Markup that was built elsewhere.
    pub(super) fn append(&mut self, other: &Self) -> &mut Self {
        self.0.push_str(&other.0);
        self
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Html;

    #[test]
    fn text_never_becomes_markup() {
        let mut html = Html::default();
        html.raw("<b title=\"").text("\"><script>'&").raw("\">");
        assert_eq!(
            html.into_string(),
            "<b title=\"&quot;&gt;&lt;script&gt;&#39;&amp;\">"
        );
    }

    #[test]
    fn clipping_keeps_characters_whole() {
        let mut html = Html::default();
        html.clipped("añb🧭c", 4).raw("|").clipped("ab", 2);
        assert_eq!(html.into_string(), "añb🧭…|ab");
    }
}
