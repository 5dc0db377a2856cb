//! A shell's words and operators: as much of the grammar as it takes to know where commands and words begin and end.

use std::iter::Peekable;
use std::str::Chars;

use super::braces;

/// A piece of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Word(Word),
    /// `;`, `&&`, `|`, a line's end and so on: what ends a command.
    End,
    Open,
    Close,
    /// To a file that the next word names; `false` where it is only read.
    Redirect {
        writes: bool,
    },
}

/// A word after quotes are removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    /// Something in it is known only when the command runs.
    pub(super) expands: bool,
    /// It has wildcards that are not quoted.
    pub(super) pattern: bool,
    pub(super) quoted: bool,
}

/// The tokens, and the texts of the substitutions in them, which are commands, too.
#[derive(Debug, Default)]
pub(super) struct Lexed {
    pub(super) tokens: Vec<Token>,
    pub(super) substitutions: Vec<String>,
}

pub(super) fn lex(text: &str) -> Lexed {
    let mut lexer = Lexer {
        rest: text.chars().peekable(),
        lexed: Lexed::default(),
        word: None,
        documents: Vec::new(),
        awaits_delimiter: None,
    };
    lexer.run();
    lexer.lexed
}

struct Lexer<'a> {
    rest: Peekable<Chars<'a>>,
    lexed: Lexed,
    word: Option<Word>,
    /// The here-documents whose bodies begin at the next line, and whether their tabs are stripped.
    documents: Vec<(String, bool)>,
    awaits_delimiter: Option<bool>,
}

impl Lexer<'_> {
    fn run(&mut self) {
        while let Some(character) = self.rest.next() {
            match character {
                ' ' | '\t' | '\r' => self.end_word(),
                '\n' => {
                    self.end_word();
                    self.push(Token::End);
                    self.skip_documents();
                }
                '#' if self.word.is_none() => {
                    while self.rest.next_if(|&next| next != '\n').is_some() {}
                }
                '\\' => {
                    if let Some(next) = self.rest.next()
                        && next != '\n'
                    {
                        self.literal(next);
                    }
                }
                '\'' => self.single_quoted(),
                '"' => self.double_quoted(),
                '$' => self.dollar(false),
                '`' => self.backquoted(),
                '>' | '<' => self.redirection(character),
                '&' if self.rest.peek() == Some(&'>') => {
                    self.end_word();
                    self.rest.next();
                    self.rest.next_if_eq(&'>');
                    self.push(Token::Redirect { writes: true });
                }
                ';' | '&' | '|' => {
                    self.end_word();
                    self.push(Token::End);
                }
                '(' => {
                    self.end_word();
                    self.push(Token::Open);
                }
                ')' => {
                    self.end_word();
                    self.push(Token::Close);
                }
                '~' if self.word.is_none() => {
                    let word = self.word();
                    word.expands = true;
                    word.text.push('~');
                }
                '*' | '?' | '[' => {
                    let word = self.word();
                    word.pattern = true;
                    word.text.push(character);
                }
                '{' if self.rest.peek().is_some_and(|next| !next.is_whitespace()) => {
                    self.literal(braces::OPEN);
                }
                ',' => self.literal(braces::COMMA),
                '}' if self.word.is_some() => self.literal(braces::CLOSE),
                other => self.literal(other),
            }
        }
        self.end_word();
        self.push(Token::End);
    }

    fn word(&mut self) -> &mut Word {
        self.word.get_or_insert_default()
    }

    fn literal(&mut self, character: char) {
        self.word().text.push(character);
    }

    fn push(&mut self, token: Token) {
        self.lexed.tokens.push(token);
    }

    fn end_word(&mut self) {
        let Some(mut word) = self.word.take() else {
            return;
        };
        let Some(mut texts) = braces::expanded(&word.text) else {
            word.expands = true;
            self.push(Token::Word(word));
            return;
        };
        word.text = texts.pop().unwrap_or_default();
        if let Some(strips_tabs) = self.awaits_delimiter.take() {
            self.documents.push((word.text, strips_tabs));
            return;
        }
        for text in texts {
            self.push(Token::Word(Word {
                text,
                ..word.clone()
            }));
        }
        self.push(Token::Word(word));
    }

    fn single_quoted(&mut self) {
        self.word().quoted = true;
        while let Some(character) = self.rest.next_if(|&next| next != '\'') {
            self.literal(character);
        }
        self.rest.next();
    }

    fn double_quoted(&mut self) {
        self.word().quoted = true;
        while let Some(character) = self.rest.next() {
            match character {
                '"' => return,
                '\\' => match self.rest.next() {
                    Some('\n') | None => {}
                    Some(next @ ('"' | '\\' | '$' | '`')) => self.literal(next),
                    Some(next) => {
                        self.literal('\\');
                        self.literal(next);
                    }
                },
                '$' => self.dollar(true),
                '`' => self.backquoted(),
                other => self.literal(other),
            }
        }
    }

    fn dollar(&mut self, in_quotes: bool) {
        match self.rest.peek() {
            Some('(') => {
                self.rest.next();
                self.word().expands = true;
                let inner = self.bracketed();
                // `$((…))` computes a number.
                if !inner.starts_with('(') {
                    self.lexed.substitutions.push(inner);
                }
            }
            Some('{') => {
                self.word().expands = true;
                while self.rest.next().is_some_and(|next| next != '}') {}
            }
            Some('\'') if !in_quotes => {
                // Escapes of `$'…'` are rare in names: what it holds is not known.
                self.rest.next();
                self.word().expands = true;
                let mut escaped = false;
                for next in self.rest.by_ref() {
                    if next == '\'' && !escaped {
                        break;
                    }
                    escaped = next == '\\' && !escaped;
                }
            }
            Some('"') if !in_quotes => {}
            Some(next) if next.is_alphanumeric() || "_@*#?$!-".contains(*next) => {
                self.word().expands = true;
                if self
                    .rest
                    .next()
                    .is_some_and(|c| c.is_alphanumeric() || c == '_')
                {
                    while self
                        .rest
                        .next_if(|&next| next.is_alphanumeric() || next == '_')
                        .is_some()
                    {}
                }
            }
            _ => self.literal('$'),
        }
    }

    fn backquoted(&mut self) {
        self.word().expands = true;
        let mut inner = String::new();
        while let Some(character) = self.rest.next() {
            match character {
                '`' => break,
                '\\' => inner.extend(self.rest.next()),
                other => inner.push(other),
            }
        }
        self.lexed.substitutions.push(inner);
    }

    /// Up to the bracket that closes the one that was just read.
    fn bracketed(&mut self) -> String {
        let (mut inner, mut depth, mut quote) = (String::new(), 1, None);
        while let Some(character) = self.rest.next() {
            match (quote, character) {
                (None, '(') => depth += 1,
                (None, ')') => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                (None, '\'' | '"') => quote = Some(character),
                (Some(open), close) if open == close => quote = None,
                (Some('"') | None, '\\') => {
                    inner.push('\\');
                    inner.extend(self.rest.next());
                    continue;
                }
                _ => {}
            }
            inner.push(character);
        }
        inner
    }

    fn redirection(&mut self, first: char) {
        // `2>`: the number belongs to the redirection.
        if self.word.as_ref().is_some_and(|word| {
            !word.quoted && !word.text.is_empty() && word.text.bytes().all(|b| b.is_ascii_digit())
        }) {
            self.word = None;
        }
        self.end_word();
        if first == '>' {
            if self
                .rest
                .next_if(|&next| next == '>' || next == '|')
                .is_none()
                && self.rest.next_if_eq(&'&').is_some()
                && self
                    .rest
                    .next_if(|&next| next.is_ascii_digit() || next == '-')
                    .is_some()
            {
                // `>&2`: to where another number goes.
                while self
                    .rest
                    .next_if(|&next| next.is_ascii_digit() || next == '-')
                    .is_some()
                {}
                return;
            }
            if self.rest.next_if_eq(&'(').is_some() {
                let inner = self.bracketed();
                self.lexed.substitutions.push(inner);
                return;
            }
            self.push(Token::Redirect { writes: true });
            return;
        }
        match self.rest.peek() {
            Some('<') => {
                self.rest.next();
                if self.rest.next_if_eq(&'<').is_some() {
                    self.push(Token::Redirect { writes: false });
                } else {
                    self.awaits_delimiter = Some(self.rest.next_if_eq(&'-').is_some());
                }
            }
            Some('>') => {
                self.rest.next();
                self.push(Token::Redirect { writes: true });
            }
            Some('&') => {
                self.rest.next();
                while self
                    .rest
                    .next_if(|&next| next.is_ascii_digit() || next == '-')
                    .is_some()
                {}
            }
            Some('(') => {
                self.rest.next();
                let inner = self.bracketed();
                self.lexed.substitutions.push(inner);
                self.word().expands = true;
            }
            _ => self.push(Token::Redirect { writes: false }),
        }
    }

    /// The bodies are data, not commands.
    fn skip_documents(&mut self) {
        for (delimiter, strips_tabs) in std::mem::take(&mut self.documents) {
            loop {
                let mut line = String::new();
                let mut over = true;
                for character in self.rest.by_ref() {
                    if character == '\n' {
                        over = false;
                        break;
                    }
                    line.push(character);
                }
                let line = if strips_tabs {
                    line.trim_start_matches('\t')
                } else {
                    &line
                };
                if over || line == delimiter {
                    break;
                }
            }
        }
    }
}
