//! From tokens to commands, and from commands to the files that they write.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::lexer::{Token, Word, lex};
use super::{Disk, Written};
use crate::hook::patch;
use crate::path::normalised;

/// How deep `sh -c` and substitutions are followed.
const DEPTH: usize = 8;

/// The files that a command writes when it runs in `folder`.
pub(crate) fn writes(command: &str, folder: &Path, disk: &dyn Disk) -> BTreeSet<Written> {
    let mut reader = Reader {
        disk,
        written: BTreeSet::new(),
        depth: 0,
    };
    reader.script(command, Some(folder.to_owned()));
    reader.written
}

struct Reader<'a> {
    disk: &'a dyn Disk,
    written: BTreeSet<Written>,
    depth: usize,
}

/// One command: its words, and where its input comes from.
#[derive(Default)]
struct Simple {
    words: Vec<Word>,
    input: Option<Word>,
}

impl Reader<'_> {
    /// `folder` is `None` where it is not known any more.
    fn script(&mut self, text: &str, folder: Option<PathBuf>) {
        if self.depth == DEPTH {
            return;
        }
        self.depth += 1;
        let lexed = lex(text);
        for inner in &lexed.substitutions {
            self.script(inner, folder.clone());
        }
        let mut folder = folder;
        let mut outer = Vec::new();
        let mut simple = Simple::default();
        let mut tokens = lexed.tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                Token::Word(word) => simple.words.push(word),
                Token::Redirect { writes } => {
                    let Some(Token::Word(word)) =
                        tokens.next_if(|next| matches!(next, Token::Word(_)))
                    else {
                        continue;
                    };
                    if writes {
                        self.write(&word, folder.as_deref());
                    } else {
                        simple.input = Some(word);
                    }
                }
                Token::End => folder = self.run(&std::mem::take(&mut simple), folder),
                Token::Open => {
                    folder = self.run(&std::mem::take(&mut simple), folder);
                    outer.push(folder.clone());
                }
                Token::Close => {
                    self.run(&std::mem::take(&mut simple), folder.clone());
                    folder = outer.pop().unwrap_or(folder);
                }
            }
        }
        self.depth -= 1;
    }

    /// Reads one command. Answers the folder that the next one runs in.
    fn run(&mut self, simple: &Simple, folder: Option<PathBuf>) -> Option<PathBuf> {
        let words = without_prefixes(&simple.words);
        let Some((name, arguments)) = words.split_first() else {
            return folder;
        };
        if name.expands {
            return folder;
        }
        let here = folder.as_deref();
        let program = name.text.rsplit('/').next().unwrap_or_default();
        let operands = operands(arguments);
        match program {
            "cd" | "pushd" => {
                return match operands.as_slice() {
                    [to] if !to.expands && !to.pattern && to.text != "-" => {
                        here.map(|here| normalised(&here.join(&to.text)))
                    }
                    _ => None,
                };
            }
            "popd" => return None,
            "rm" | "rmdir" | "unlink" | "shred" | "touch" | "mkdir" | "tee" => {
                self.write_all(&operands, here);
            }
            "truncate" => self.write_all(&without_values(arguments, &["-s", "-r"]), here),
            "chmod" | "chown" | "chgrp" => {
                self.write_all(operands.get(1..).unwrap_or_default(), here);
            }
            "mv" => self.transfer(arguments, &operands, here, true),
            "cp" | "ln" | "install" | "rsync" => self.transfer(arguments, &operands, here, false),
            "dd" => {
                for word in arguments {
                    if let Some(path) = word.text.strip_prefix("of=") {
                        let target = Word {
                            text: path.to_owned(),
                            ..word.clone()
                        };
                        self.write(&target, here);
                    }
                }
            }
            "sed" | "perl" | "ruby" => self.edit_in_place(arguments, here),
            "patch" => self.patch(arguments, simple.input.as_ref(), here),
            "git" => self.git(arguments, simple.input.as_ref(), here),
            "sh" | "bash" | "zsh" | "dash" | "ksh" => {
                let text = arguments
                    .iter()
                    .skip_while(|word| !(word.text.starts_with('-') && word.text.ends_with('c')))
                    .nth(1);
                if let Some(text) = text.filter(|text| !text.expands) {
                    self.script(&text.text, folder.clone());
                }
            }
            "eval" if arguments.iter().all(|word| !word.expands) => {
                let texts: Vec<&str> = arguments.iter().map(|word| word.text.as_str()).collect();
                self.script(&texts.join(" "), folder.clone());
            }
            _ => {}
        }
        folder
    }

    fn write(&mut self, word: &Word, folder: Option<&Path>) {
        if word.expands || word.text.is_empty() || word.text.starts_with("/dev/") {
            return;
        }
        let path = Path::new(&word.text);
        let path = match folder {
            Some(folder) => folder.join(path),
            None if path.is_absolute() => path.to_owned(),
            None => return,
        };
        // A wildcard that matches no name is taken as it is.
        self.written.insert(Written {
            path,
            pattern: word.pattern,
        });
    }

    fn write_all(&mut self, words: &[&Word], folder: Option<&Path>) {
        for word in words {
            self.write(word, folder);
        }
    }

    /// `cp`, `mv` and their like: the target, or the names in it when it is a folder.
    fn transfer(
        &mut self,
        arguments: &[Word],
        operands: &[&Word],
        folder: Option<&Path>,
        takes_away: bool,
    ) {
        let named = arguments
            .iter()
            .position(|word| matches!(word.text.as_str(), "-t" | "--target-directory"))
            .and_then(|at| arguments.get(at + 1));
        let joined = arguments
            .iter()
            .find_map(|word| word.text.strip_prefix("--target-directory="))
            .map(|text| Word {
                text: text.to_owned(),
                ..Word::default()
            });
        let (sources, target) = match (named.or(joined.as_ref()), operands) {
            (Some(target), _) => {
                let sources = operands.iter().copied().filter(|word| **word != *target);
                (sources.collect::<Vec<_>>(), target)
            }
            (None, [sources @ .., target]) => (sources.to_vec(), *target),
            (None, []) => return,
        };
        if takes_away {
            self.write_all(&sources, folder);
        }
        let is_folder = folder
            .is_some_and(|folder| self.disk.is_folder(&folder.join(&target.text)))
            || target.text.ends_with('/')
            || sources.len() > 1;
        if !is_folder {
            self.write(target, folder);
            return;
        }
        for source in sources {
            let name = source.text.trim_end_matches('/').rsplit('/').next();
            let mut into = target.clone();
            into.text = format!(
                "{}/{}",
                target.text.trim_end_matches('/'),
                name.unwrap_or_default()
            );
            into.expands |= source.expands;
            into.pattern |= source.pattern;
            self.write(&into, folder);
        }
    }

    /// `sed -i`, `perl -pi`: the operands that are files and not the program.
    fn edit_in_place(&mut self, arguments: &[Word], folder: Option<&Path>) {
        let is_short = |word: &Word| word.text.starts_with('-') && !word.text.starts_with("--");
        let in_place = arguments.iter().any(|word| {
            word.text.starts_with("--in-place")
                || is_short(word)
                    && word.text[1..]
                        .split('e')
                        .next()
                        .is_some_and(|flags| flags.contains('i'))
        });
        if !in_place {
            return;
        }
        let (mut files, mut has_program) = (Vec::new(), false);
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            if matches!(word.text.as_str(), "--expression" | "--file" | "-f")
                || is_short(word) && word.text.ends_with('e')
            {
                has_program = true;
                words.next();
            } else if word.text.starts_with("--expression=") || word.text.starts_with("--file=") {
                has_program = true;
            } else if !word.text.starts_with('-') {
                files.push(word);
            }
        }
        let program = usize::from(!has_program);
        self.write_all(files.get(program..).unwrap_or_default(), folder);
    }

    fn patch(&mut self, arguments: &[Word], input: Option<&Word>, folder: Option<&Path>) {
        if let Some(original) = without_values(arguments, &["-i", "-p", "-d", "-o"]).first() {
            self.write(original, folder);
        }
        let value = |short: &str| {
            let at = arguments
                .iter()
                .position(|word| word.text.starts_with(short))?;
            match &arguments[at].text[short.len()..] {
                "" => arguments.get(at + 1).cloned(),
                joined => Some(Word {
                    text: joined.to_owned(),
                    ..Word::default()
                }),
            }
        };
        let strip = value("-p")
            .and_then(|word| word.text.parse().ok())
            .unwrap_or(0);
        let named = value("-i");
        self.apply(named.as_ref().or(input), strip, folder);
    }

    /// The files that a patch names, when it can be read.
    fn apply(&mut self, patch: Option<&Word>, strip: usize, folder: Option<&Path>) {
        let (Some(patch), Some(folder)) = (patch.filter(|word| !word.expands), folder) else {
            return;
        };
        let Some(text) = self.disk.read(&folder.join(&patch.text)) else {
            return;
        };
        for path in patch::unified(&text, strip) {
            self.written.insert(Written {
                path: folder.join(path),
                pattern: false,
            });
        }
    }

    fn git(&mut self, arguments: &[Word], input: Option<&Word>, folder: Option<&Path>) {
        let mut folder = folder.map(Path::to_owned);
        let mut words = arguments;
        while let Some((first, rest)) = words.split_first() {
            match first.text.as_str() {
                "-C" => {
                    let Some((to, rest)) = rest.split_first() else {
                        return;
                    };
                    folder = folder
                        .filter(|_| !to.expands)
                        .map(|folder| folder.join(&to.text));
                    words = rest;
                }
                "-c" | "--git-dir" | "--work-tree" => words = rest.get(1..).unwrap_or_default(),
                option if option.starts_with('-') => words = rest,
                _ => break,
            }
        }
        let Some((verb, arguments)) = words.split_first() else {
            return;
        };
        let folder = folder.as_deref();
        let operands = operands(arguments);
        match verb.text.as_str() {
            "rm" if !has(arguments, "--cached") => self.write_all(&operands, folder),
            "mv" => self.transfer(&[], &operands, folder, true),
            "restore" if has(arguments, "--worktree") || !has(arguments, "--staged") => {
                self.write_all(&without_values(arguments, &["-s", "--source"]), folder);
            }
            "checkout" => {
                let paths = match arguments.iter().position(|word| word.text == "--") {
                    Some(at) => arguments[at + 1..].iter().collect(),
                    // Without `--`, what exists as a file is one; anything else is a branch.
                    None if has(arguments, "-b") || has(arguments, "-B") => Vec::new(),
                    None => operands
                        .into_iter()
                        .filter(|word| {
                            folder.is_some_and(|folder| self.disk.exists(&folder.join(&word.text)))
                        })
                        .collect(),
                };
                self.write_all(&paths, folder);
            }
            "apply" if !has(arguments, "--check") && !has(arguments, "--cached") => {
                for patch in &operands {
                    self.apply(Some(patch), 1, folder);
                }
                if operands.is_empty() {
                    self.apply(input, 1, folder);
                }
            }
            _ => {}
        }
    }
}

/// What remains of a command without `then`, `VAR=value`, `sudo` and the like.
fn without_prefixes(words: &[Word]) -> &[Word] {
    let mut rest = words;
    while let Some((first, others)) = rest.split_first() {
        let text = first.text.as_str();
        let is_assignment = text.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
        });
        rest = match text {
            "then" | "do" | "else" | "elif" | "if" | "while" | "until" | "!" | "{" | "}"
            | "time" | "fi" | "done" | "command" | "exec" | "builtin" | "nohup" | "setsid" => {
                others
            }
            "sudo" | "env" | "nice" | "ionice" | "stdbuf" | "doas" => after_options(others),
            "timeout" => after_options(others).get(1..).unwrap_or_default(),
            _ if is_assignment => others,
            _ => return rest,
        };
    }
    rest
}

/// Options with values of their own (`sudo -u NAME`) hide the command: then it is not known.
fn after_options(words: &[Word]) -> &[Word] {
    let options = words
        .iter()
        .take_while(|word| word.text.starts_with('-'))
        .count();
    &words[options..]
}

fn has(words: &[Word], option: &str) -> bool {
    words.iter().any(|word| word.text == option)
}

/// What is no option.
fn operands(words: &[Word]) -> Vec<&Word> {
    without_values(words, &[])
}

/// What is neither an option nor the value of one of these.
fn without_values<'a>(words: &'a [Word], with_values: &[&str]) -> Vec<&'a Word> {
    let mut kept = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word.text == "--" {
            kept.extend(words.by_ref());
        } else if with_values.contains(&word.text.as_str()) {
            words.next();
        } else if !word.text.starts_with('-') || word.text == "-" {
            kept.push(word);
        }
    }
    kept
}
