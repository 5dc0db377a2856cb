//! Markdown in our words: text with marks and links, and the blocks of a page's body. Pure.
//!
//! Whatever the text, something readable comes of it: what Notion has no block for (tables, raw HTML) is shown as
//! it stands, and what lies deeper than Notion takes in one request is lifted to the deepest level that it takes.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::page::{PIECES, pieces};

/// Levels of blocks that one request can carry.
const DEEPEST: usize = 3;

/// Blocks of one level, and of one body in all.
const MOST_CHILDREN: usize = 100;
/// Blocks of one body.
pub const MOST_BLOCKS: usize = 1000;

/// Longest link that Notion can hold.
const LONGEST_LINK: usize = 2000;

/// A run of text with one look.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "Notion's own switches")]
pub struct Span {
    /// What people read.
    pub text: String,
    /// Where it leads.
    pub link: Option<String>,
    /// Bold.
    pub bold: bool,
    /// Italic.
    pub italic: bool,
    /// Struck through.
    pub strikethrough: bool,
    /// As code.
    pub code: bool,
}

/// A block of a page's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What it is.
    pub kind: BlockKind,
    /// What stands in it.
    pub spans: Vec<Span>,
    /// What stands below it.
    pub children: Vec<Block>,
}

/// What a block is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlockKind {
    /// Running text.
    Paragraph,
    /// A heading of this level, 1 to 4.
    Heading(u8),
    /// An item of a list.
    Bullet,
    /// An item of a numbered list.
    Numbered,
    /// An item to tick, ticked or not.
    ToDo(bool),
    /// A quotation.
    Quote,
    /// Code in this language.
    Code(String),
    /// A picture from elsewhere.
    Image(String),
    /// A line.
    Divider,
}

impl Block {
    fn new(kind: BlockKind) -> Self {
        Self {
            kind,
            spans: Vec::new(),
            children: Vec::new(),
        }
    }

    /// It and all below it.
    pub fn count(&self) -> usize {
        1 + self.children.iter().map(Self::count).sum::<usize>()
    }
}

/// A markdown text as one text with marks: paragraphs and items become lines.
pub fn spans(markdown: &str) -> Vec<Span> {
    let mut lines = Vec::new();
    flatten(&read(markdown, "\n"), "", &mut lines);
    let mut spans = Vec::new();
    for (at, line) in lines.into_iter().enumerate() {
        if at > 0 {
            push(&mut spans, plain("\n"));
        }
        for span in line {
            push(&mut spans, span);
        }
    }
    spans
}

/// A markdown text as the blocks of a body, at most [`MOST_BLOCKS`] of them, and whether that is all.
pub fn blocks(markdown: &str) -> (Vec<Block>, bool) {
    let mut room = MOST_BLOCKS;
    let mut whole = true;
    let blocks = fitted(read(markdown, " "), 1, &mut room, &mut whole);
    (blocks, whole)
}

/// The spans that Notion can hold in one text, and whether that is all.
pub fn fitting(spans: Vec<Span>) -> (Vec<Span>, bool) {
    let mut kept = Vec::new();
    let mut room = PIECES;
    for mut span in spans {
        let length: usize = pieces(&span.text).take(room).map(str::len).sum();
        let whole = length == span.text.len();
        room -= pieces(&span.text).take(room).count();
        span.text.truncate(length);
        if !span.text.is_empty() {
            kept.push(span);
        }
        if !whole {
            return (kept, false);
        }
    }
    (kept, true)
}

/// Appends a span; one that looks like the last is part of it.
pub fn push(spans: &mut Vec<Span>, span: Span) {
    match spans.last_mut() {
        Some(last) if look(last) == look(&span) => last.text.push_str(&span.text),
        _ if span.text.is_empty() => {}
        _ => spans.push(span),
    }
}

fn look(span: &Span) -> (Option<&str>, bool, bool, bool, bool) {
    (
        span.link.as_deref(),
        span.bold,
        span.italic,
        span.strikethrough,
        span.code,
    )
}

fn plain(text: &str) -> Span {
    Span {
        text: text.to_owned(),
        ..Span::default()
    }
}

fn flatten(blocks: &[Block], indent: &str, lines: &mut Vec<Vec<Span>>) {
    let mut number = 0;
    for block in blocks {
        let mark = match &block.kind {
            BlockKind::Bullet => "• ".to_owned(),
            BlockKind::Numbered => {
                number += 1;
                format!("{number}. ")
            }
            BlockKind::ToDo(true) => "☑ ".to_owned(),
            BlockKind::ToDo(false) => "☐ ".to_owned(),
            BlockKind::Divider => "———".to_owned(),
            _ => String::new(),
        };
        let mut line = vec![plain(&format!("{indent}{mark}"))];
        for span in &block.spans {
            let mut span = span.clone();
            span.bold |= matches!(block.kind, BlockKind::Heading(_));
            span.code |= matches!(block.kind, BlockKind::Code(_));
            line.push(span);
        }
        if let BlockKind::Image(url) = &block.kind {
            let mut picture = plain(url);
            picture.link = Some(url.clone());
            line.push(picture);
        }
        lines.push(line);
        flatten(&block.children, &format!("{indent}  "), lines);
    }
}

/// Cuts and lifts blocks until Notion can hold them.
fn fitted(blocks: Vec<Block>, level: usize, room: &mut usize, whole: &mut bool) -> Vec<Block> {
    let mut kept = Vec::new();
    for mut block in blocks {
        if *room == 0 || (level > 1 && kept.len() == MOST_CHILDREN) {
            *whole = false;
            break;
        }
        *room -= 1;
        let (spans, all) = fitting(block.spans);
        *whole &= all;
        block.spans = spans;
        let children = std::mem::take(&mut block.children);
        if level < DEEPEST {
            block.children = fitted(children, level + 1, room, whole);
            kept.push(block);
        } else {
            kept.push(block);
            kept.extend(fitted(children, level, room, whole));
            kept.truncate(MOST_CHILDREN);
        }
    }
    kept
}

fn read(markdown: &str, soft_break: &'static str) -> Vec<Block> {
    let options =
        Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS | Options::ENABLE_TABLES;
    let mut reader = Reader {
        levels: vec![Vec::new()],
        open: Vec::new(),
        numbered: Vec::new(),
        look: Span::default(),
        depths: [0; 3],
        image: None,
        soft_break,
    };
    for event in Parser::new_ext(markdown, options) {
        reader.take(event);
    }
    while !reader.open.is_empty() {
        reader.close();
    }
    reader.levels.pop().unwrap_or_default()
}

/// Blocks in the making.
struct Reader {
    /// Finished blocks of each open block, the outermost first.
    levels: Vec<Vec<Block>>,
    open: Vec<Block>,
    /// Whether each open list is numbered.
    numbered: Vec<bool>,
    look: Span,
    /// How many marks of each kind are open: bold, italic, struck through.
    depths: [usize; 3],
    /// A picture that is being read, and whether nothing else stands in its paragraph so far.
    image: Option<String>,
    soft_break: &'static str,
}

impl Reader {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.text(&text),
            Event::Code(code) => {
                self.look.code = true;
                self.text(&code);
                self.look.code = false;
            }
            Event::InlineMath(math) | Event::DisplayMath(math) => self.text(&math),
            Event::FootnoteReference(name) => self.text(&format!("[{name}]")),
            Event::SoftBreak => self.text(self.soft_break),
            Event::HardBreak => self.text("\n"),
            Event::Rule => {
                self.open(BlockKind::Divider);
                self.close();
            }
            Event::TaskListMarker(ticked) => {
                if let Some(item) = self.open.last_mut() {
                    item.kind = BlockKind::ToDo(ticked);
                }
            }
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            // The first paragraph of an item is the item's own text.
            Tag::Paragraph if self.in_fresh_container() => {}
            Tag::Paragraph | Tag::HtmlBlock => self.open(BlockKind::Paragraph),
            Tag::Heading { level, .. } => self.open(BlockKind::Heading(match level {
                HeadingLevel::H1 => 1,
                HeadingLevel::H2 => 2,
                HeadingLevel::H3 => 3,
                _ => 4,
            })),
            Tag::BlockQuote(_) => self.open(BlockKind::Quote),
            Tag::CodeBlock(kind) => self.open(BlockKind::Code(match kind {
                CodeBlockKind::Fenced(language) => language.to_string(),
                CodeBlockKind::Indented => String::new(),
            })),
            Tag::Table(_) => self.open(BlockKind::Code(String::new())),
            Tag::List(start) => self.numbered.push(start.is_some()),
            Tag::Item => self.open(if self.numbered.last() == Some(&true) {
                BlockKind::Numbered
            } else {
                BlockKind::Bullet
            }),
            Tag::Strong => self.mark(0, true),
            Tag::Emphasis => self.mark(1, true),
            Tag::Strikethrough => self.mark(2, true),
            Tag::Link { dest_url, .. } => self.look.link = link(&dest_url),
            Tag::Image { dest_url, .. } => {
                self.image = link(&dest_url).filter(|_| self.is_empty_paragraph());
                self.look.link = link(&dest_url);
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph if self.in_container() => {}
            TagEnd::Paragraph => {
                // A picture alone in its paragraph is a picture, its words the caption.
                if let (Some(url), Some(block)) = (self.image.take(), self.open.last_mut())
                    && block.spans.len() <= 1
                {
                    block.kind = BlockKind::Image(url);
                    block.spans.iter_mut().for_each(|span| span.link = None);
                }
                self.close();
            }
            TagEnd::Heading(_)
            | TagEnd::BlockQuote(_)
            | TagEnd::CodeBlock
            | TagEnd::HtmlBlock
            | TagEnd::Table
            | TagEnd::Item => self.close(),
            TagEnd::List(_) => {
                self.numbered.pop();
            }
            TagEnd::TableCell => self.text("  "),
            TagEnd::TableHead | TagEnd::TableRow => {
                if let Some(table) = self.open.last_mut() {
                    trim_end(&mut table.spans);
                }
                self.text("\n");
            }
            TagEnd::Strong => self.mark(0, false),
            TagEnd::Emphasis => self.mark(1, false),
            TagEnd::Strikethrough => self.mark(2, false),
            TagEnd::Link | TagEnd::Image => self.look.link = None,
            _ => {}
        }
    }

    fn mark(&mut self, which: usize, on: bool) {
        self.depths[which] = if on {
            self.depths[which] + 1
        } else {
            self.depths[which].saturating_sub(1)
        };
        [self.look.bold, self.look.italic, self.look.strikethrough] =
            self.depths.map(|depth| depth > 0);
    }

    fn open(&mut self, kind: BlockKind) {
        self.open.push(Block::new(kind));
        self.levels.push(Vec::new());
    }

    fn close(&mut self) {
        let (Some(mut block), Some(children)) = (self.open.pop(), self.levels.pop()) else {
            return;
        };
        block.children = children;
        trim_end(&mut block.spans);
        let says_something = !block.spans.is_empty()
            || !block.children.is_empty()
            || !matches!(block.kind, BlockKind::Paragraph | BlockKind::Code(_));
        if let Some(level) = self.levels.last_mut().filter(|_| says_something) {
            level.push(block);
        }
    }

    fn in_container(&self) -> bool {
        self.open.last().is_some_and(|block| {
            matches!(
                block.kind,
                BlockKind::Bullet | BlockKind::Numbered | BlockKind::ToDo(_) | BlockKind::Quote
            )
        })
    }

    fn in_fresh_container(&self) -> bool {
        self.in_container()
            && self.open.last().is_some_and(|block| block.spans.is_empty())
            && self.levels.last().is_some_and(Vec::is_empty)
    }

    fn is_empty_paragraph(&self) -> bool {
        self.open
            .last()
            .is_some_and(|block| block.kind == BlockKind::Paragraph && block.spans.is_empty())
    }

    fn text(&mut self, text: &str) {
        let mut span = self.look.clone();
        span.text = text.replace('\0', "");
        if let Some(block) = self.open.last_mut() {
            push(&mut block.spans, span);
        } else {
            self.open(BlockKind::Paragraph);
            self.text(text);
            self.close();
        }
    }
}

fn trim_end(spans: &mut Vec<Span>) {
    while let Some(last) = spans.last_mut() {
        last.text.truncate(last.text.trim_end().len());
        if !last.text.is_empty() {
            return;
        }
        spans.pop();
    }
}

/// A link that Notion takes; others are words.
fn link(target: &str) -> Option<String> {
    let fits = target.encode_utf16().count() <= LONGEST_LINK
        && Url::parse(target)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https" | "mailto" | "tel"));
    fits.then(|| target.to_owned())
}

#[cfg(test)]
mod tests;
