//! From text to an expression: a tokenizer and a precedence climber.

use std::ops::Range;

use super::function::Function;

/// No formula of a person nests deeper; noise does.
const DEEPEST: usize = 60;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expression {
    Number(f64),
    Text(String),
    Boolean(bool),
    /// By id, encoded id, or (as written by a person) name.
    Property(String),
    Variable(String),
    List(Vec<Expression>),
    Negate(Box<Expression>),
    Not(Box<Expression>),
    Binary(Operator, Box<Expression>, Box<Expression>),
    If(Box<Expression>, Box<Expression>, Box<Expression>),
    Let(Vec<(String, Expression)>, Box<Expression>),
    Call(Function, Vec<Expression>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
}

pub(crate) struct Parsed {
    pub(crate) expression: Expression,
    /// Every `prop("…")` of the text, in order.
    pub(crate) references: Vec<Reference>,
}

pub(crate) struct Reference {
    pub(crate) named: String,
    pub(crate) span: Range<usize>,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Number(f64),
    Text(String),
    Name(String),
    Reference(String),
    Symbol(&'static str),
    End,
}

pub(crate) fn parse(text: &str) -> Result<Parsed, String> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        depth: 0,
        references: Vec::new(),
    };
    let expression = parser.expression(0)?;
    match parser.peek() {
        Token::End => Ok(Parsed {
            expression,
            references: parser.references,
        }),
        other => Err(format!("unexpected {} after the expression", shown(other))),
    }
}

const SYMBOLS: [&str; 23] = [
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "=", "+", "-", "*", "/", "%", "^", "(", ")", "[",
    "]", ",", ".", "?", ":",
];

fn tokens(text: &str) -> Result<Vec<(Token, Range<usize>)>, String> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let start = at;
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let token = if rest.starts_with("{{notion:block_property:") {
            let end = rest.find("}}").ok_or("a reference is not closed")?;
            at += end + 2;
            let id = rest["{{notion:block_property:".len()..end]
                .split(':')
                .next()
                .unwrap_or_default();
            Token::Reference(id.to_owned())
        } else if first.is_ascii_digit() {
            let length = rest
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .unwrap_or(rest.len());
            at += length;
            Token::Number(
                rest[..length]
                    .parse()
                    .map_err(|_| format!("{} is not a number", &rest[..length]))?,
            )
        } else if first == '"' {
            let (content, length) = quoted(rest)?;
            at += length;
            Token::Text(content)
        } else if first.is_alphabetic() || first == '_' {
            let length = rest
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            at += length;
            Token::Name(rest[..length].to_owned())
        } else if rest.starts_with("/*") {
            at += rest.find("*/").ok_or("a comment is not closed")? + 2;
            continue;
        } else if first == '!' && !rest.starts_with("!=") {
            at += 1;
            Token::Symbol("!")
        } else {
            let symbol = SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol));
            let symbol = symbol.ok_or_else(|| format!("unexpected character {first}"))?;
            at += symbol.len();
            Token::Symbol(symbol)
        };
        found.push((token, start..at));
    }
    found.push((Token::End, at..at));
    Ok(found)
}

/// The content of the text literal that opens `rest`, and its length with both quotes.
fn quoted(rest: &str) -> Result<(String, usize), String> {
    let mut content = String::new();
    let mut characters = rest.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((content, at + 1)),
            '\\' => match characters.next() {
                Some((_, 'n')) => content.push('\n'),
                Some((_, 't')) => content.push('\t'),
                Some((_, other)) => content.push(other),
                None => break,
            },
            other => content.push(other),
        }
    }
    Err("a text is not closed by a quote".to_owned())
}

fn shown(token: &Token) -> String {
    match token {
        Token::Number(number) => number.to_string(),
        Token::Text(text) => format!("\"{text}\""),
        Token::Name(name) | Token::Reference(name) => name.clone(),
        Token::Symbol(symbol) => (*symbol).to_owned(),
        Token::End => "end".to_owned(),
    }
}

struct Parser {
    tokens: Vec<(Token, Range<usize>)>,
    at: usize,
    depth: usize,
    references: Vec<Reference>,
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.at].0
    }

    fn next(&mut self) -> Token {
        let token = self.tokens[self.at].0.clone();
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
        token
    }

    fn eat(&mut self, symbol: &'static str) -> bool {
        let found = *self.peek() == Token::Symbol(symbol);
        if found {
            self.next();
        }
        found
    }

    fn expect(&mut self, symbol: &'static str) -> Result<(), String> {
        if self.eat(symbol) {
            Ok(())
        } else {
            Err(format!("expected {symbol}, found {}", shown(self.peek())))
        }
    }

    fn operator(&self) -> Option<(Operator, u8)> {
        let operator = match self.peek() {
            Token::Symbol(symbol) => match *symbol {
                "||" => (Operator::Or, 2),
                "&&" => (Operator::And, 3),
                "==" => (Operator::Equal, 4),
                "!=" => (Operator::Unequal, 4),
                "<" => (Operator::Less, 5),
                "<=" => (Operator::LessOrEqual, 5),
                ">" => (Operator::Greater, 5),
                ">=" => (Operator::GreaterOrEqual, 5),
                "+" => (Operator::Add, 6),
                "-" => (Operator::Subtract, 6),
                "*" => (Operator::Multiply, 7),
                "/" => (Operator::Divide, 7),
                "%" => (Operator::Remainder, 7),
                "^" => (Operator::Power, 8),
                _ => return None,
            },
            Token::Name(name) => match name.as_str() {
                "or" => (Operator::Or, 2),
                "and" => (Operator::And, 3),
                _ => return None,
            },
            _ => return None,
        };
        Some(operator)
    }

    fn expression(&mut self, weakest: u8) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("the formula is nested too deeply".to_owned());
        }
        let mut left = self.unary()?;
        while let Some((operator, strength)) = self.operator() {
            if strength < weakest.max(2) {
                break;
            }
            self.next();
            // Powers lean to the right, everything else to the left.
            let right = self.expression(if operator == Operator::Power {
                strength
            } else {
                strength + 1
            })?;
            left = Expression::Binary(operator, Box::new(left), Box::new(right));
        }
        if weakest <= 1 && self.eat("?") {
            let then = self.expression(1)?;
            self.expect(":")?;
            let otherwise = self.expression(1)?;
            left = Expression::If(Box::new(left), Box::new(then), Box::new(otherwise));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expression, String> {
        if self.eat("-") {
            return Ok(Expression::Negate(Box::new(self.expression(8)?)));
        }
        if self.eat("!") || (*self.peek() == Token::Name("not".to_owned()) && self.take_not()) {
            return Ok(Expression::Not(Box::new(self.expression(8)?)));
        }
        let mut value = self.primary()?;
        while self.eat(".") {
            let Token::Name(name) = self.next() else {
                return Err("a function's name must follow the dot".to_owned());
            };
            self.expect("(")?;
            let mut arguments = vec![value];
            arguments.extend(self.arguments(")")?);
            value = called(&name, arguments)?;
        }
        Ok(value)
    }

    /// `not x`; `not(x)` is a call like any other.
    fn take_not(&mut self) -> bool {
        let call = self
            .tokens
            .get(self.at + 1)
            .is_some_and(|(token, _)| *token == Token::Symbol("("));
        if !call {
            self.next();
        }
        !call
    }

    fn primary(&mut self) -> Result<Expression, String> {
        let start = self.tokens[self.at].1.start;
        match self.next() {
            Token::Number(number) => Ok(Expression::Number(number)),
            Token::Text(text) => Ok(Expression::Text(text)),
            Token::Reference(id) => Ok(Expression::Property(id)),
            Token::Symbol("(") => {
                let inner = self.expression(0)?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Symbol("[") => Ok(Expression::List(self.arguments("]")?)),
            Token::Name(name) if name == "true" || name == "false" => {
                Ok(Expression::Boolean(name == "true"))
            }
            Token::Name(name) if name == "prop" => self.property(start),
            Token::Name(name) if self.eat("(") => {
                if name == "let" || name == "lets" {
                    return self.bindings();
                }
                let arguments = self.arguments(")")?;
                called(&name, arguments)
            }
            Token::Name(name) => Ok(Expression::Variable(name)),
            other => Err(format!("unexpected {}", shown(&other))),
        }
    }

    fn property(&mut self, start: usize) -> Result<Expression, String> {
        self.expect("(")?;
        let Token::Text(named) = self.next() else {
            return Err("prop() takes the name of a property".to_owned());
        };
        let end = self.tokens[self.at].1.end;
        self.expect(")")?;
        self.references.push(Reference {
            named: named.clone(),
            span: start..end,
        });
        Ok(Expression::Property(named))
    }

    fn bindings(&mut self) -> Result<Expression, String> {
        let mut bound = Vec::new();
        loop {
            let name_follows = matches!(self.peek(), Token::Name(_))
                && self
                    .tokens
                    .get(self.at + 1)
                    .is_some_and(|(token, _)| *token == Token::Symbol(","));
            if !name_follows {
                break;
            }
            let Token::Name(name) = self.next() else {
                break;
            };
            self.expect(",")?;
            bound.push((name, self.expression(0)?));
            self.expect(",")?;
        }
        let body = self.expression(0)?;
        self.expect(")")?;
        Ok(Expression::Let(bound, Box::new(body)))
    }

    fn arguments(&mut self, close: &'static str) -> Result<Vec<Expression>, String> {
        let mut arguments = Vec::new();
        while !self.eat(close) {
            arguments.push(self.expression(0)?);
            if !self.eat(",") {
                self.expect(close)?;
                break;
            }
        }
        Ok(arguments)
    }
}

fn called(name: &str, arguments: Vec<Expression>) -> Result<Expression, String> {
    let function = Function::named(name).ok_or_else(|| format!("undefined function {name}"))?;
    let (least, most) = function.arity();
    if arguments.len() < least || arguments.len() > most {
        return Err(format!(
            "{name}() does not take {} arguments",
            arguments.len()
        ));
    }
    if function == Function::If {
        let [condition, then, otherwise]: [Expression; 3] = arguments
            .try_into()
            .map_err(|_| "if() takes a condition and two values".to_owned())?;
        return Ok(Expression::If(
            Box::new(condition),
            Box::new(then),
            Box::new(otherwise),
        ));
    }
    Ok(Expression::Call(function, arguments))
}
