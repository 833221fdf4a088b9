//! The fenced blocks of a Markdown document, and what is to be done with them.

use std::path::PathBuf;

/// What a block is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Commands, without what they print: `sh`, or a comment `<!-- sh`, which prepares what readers have already.
    Script,
    /// Commands behind `$ ` with what they print: `console`.
    Console,
    /// Not commands: another language, or `text`.
    Other,
}

/// A block of a document.
pub(crate) struct Block {
    pub(crate) document: PathBuf,
    /// Line of its first content, counted from 1.
    pub(crate) line: usize,
    pub(crate) kind: Kind,
    pub(crate) lines: Vec<String>,
    /// Programs without which it cannot be run: `needs=PROGRAM`.
    pub(crate) needs: Vec<String>,
    /// Not run: it wants a service, a device or another machine.
    pub(crate) norun: bool,
}

/// A command of a block, its expected output (or none, if any will do) and status.
pub(crate) struct Command {
    pub(crate) line: usize,
    pub(crate) words: String,
    pub(crate) output: Option<String>,
    pub(crate) status: i32,
}

const LANGUAGES: &[&str] = &["c", "go", "ini", "json", "make", "rust", "sql", "text", "toml", "yaml"];

/// The blocks of `text` in their order.
///
/// # Panics
/// When a block does not say what it is, or does not end.
pub(crate) fn blocks(document: PathBuf, text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<(Block, &str)> = None;
    for (i, line) in text.lines().enumerate() {
        if let Some((block, end)) = &mut open {
            if line.trim_start() == *end {
                blocks.extend(open.take().map(|(block, _)| block));
            } else {
                block.lines.push(line.to_owned());
            }
            continue;
        }
        let (info, end) = match (line.trim_start().strip_prefix("```"), line.strip_prefix("<!-- ")) {
            (Some(info), _) => (info, "```"),
            (None, Some(info)) if info.split(' ').next() == Some("sh") => (info, "-->"),
            _ => continue,
        };
        let at = format!("{}:{}", document.display(), i + 1);
        let mut words = info.split_whitespace();
        let kind = match words.next() {
            Some("sh") => Kind::Script,
            Some("console") => Kind::Console,
            Some(language) if LANGUAGES.contains(&language) => Kind::Other,
            other => panic!("{at}: a block must say what it is, found {other:?}"),
        };
        let (mut needs, mut norun) = (Vec::new(), false);
        for word in words {
            match (word, word.strip_prefix("needs=")) {
                ("norun", _) => norun = true,
                (_, Some(program)) => needs.push(program.to_owned()),
                _ => panic!("{at}: unknown word {word:?} behind the language"),
            }
        }
        let block = Block { document: document.clone(), line: i + 2, kind, lines: Vec::new(), needs, norun };
        open = Some((block, end));
    }
    assert!(open.is_none(), "{}: a block does not end", document.display());
    blocks
}

impl Block {
    /// The commands to run. A script is one; in a console each begins with `$ `, goes on with `> `, and may end with
    /// `? STATUS`.
    pub(crate) fn commands(&self) -> Vec<Command> {
        match self.kind {
            Kind::Other => Vec::new(),
            Kind::Script => {
                vec![Command { line: self.line, words: self.lines.join("\n"), output: None, status: 0 }]
            }
            Kind::Console => self.console(),
        }
    }

    fn console(&self) -> Vec<Command> {
        let mut commands: Vec<Command> = Vec::new();
        for (i, line) in self.lines.iter().enumerate() {
            if let Some(words) = line.strip_prefix("$ ") {
                let output = Some(String::new());
                commands.push(Command { line: self.line + i, words: words.to_owned(), output, status: 0 });
                continue;
            }
            let at = format!("{}:{}", self.document.display(), self.line + i);
            let Some(command) = commands.last_mut() else { panic!("{at}: expected a command behind '$ '") };
            let output = command.output.get_or_insert_default();
            if let (Some(more), true) = (line.strip_prefix("> "), output.is_empty()) {
                command.words.push('\n');
                command.words.push_str(more);
            } else if let Some(status) = line.strip_prefix("? ") {
                command.status = status.parse().unwrap_or_else(|_| panic!("{at}: no status: {status}"));
            } else {
                output.push_str(line);
                output.push('\n');
            }
        }
        commands
    }
}

#[test]
fn a_console_has_commands_outputs_and_statuses() {
    let text =
        "x\n```console\n$ a \\\n> b\nout\n$ c\n? 3\n```\n<!-- sh needs=q\nd\n-->\n```sh norun\ne\n```\n";
    let blocks = blocks("d.md".into(), text);
    let [console, before, norun] = &blocks[..] else { panic!("{} blocks", blocks.len()) };
    let commands = console.commands();
    assert_eq!((commands[0].words.as_str(), commands[0].line), ("a \\\nb", 3));
    assert_eq!((commands[0].output.as_deref(), commands[0].status), (Some("out\n"), 0));
    assert_eq!((commands[1].output.as_deref(), commands[1].status), (Some(""), 3));
    assert_eq!((before.needs[0].as_str(), before.commands()[0].words.as_str()), ("q", "d"));
    assert!(norun.norun && !before.norun && norun.kind == Kind::Script);
}
