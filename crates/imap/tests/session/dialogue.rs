//! Dialogues: text files anyone can read, played against sessions on a real store.
//!
//! `C: ` is what the first client sends and `S: ` each line that it must get, all of them and in that order; `C2: ` and
//! `S2: ` are a second connection of the same person. `…` stands for anything within a line. `C: APPEND INBOX <plain>`
//! sends the message of that name. `IDLE` waits for what IDLE would tell. Tags are always `A`. `# Box: cardio` gives the person
//! an ORG box `cardio@chu-nord.mssante.fr` to open.

use crate::{
    messages,
    stage::{Client, Stage},
};

/// Plays a dialogue; a line that differs fails with what was said before it.
pub(crate) async fn play(text: &str) {
    let stage = Stage::new().await;
    for name in text.lines().filter_map(|line| line.strip_prefix("# Box: ")) {
        stage.org(name).await;
    }
    let mut clients = [stage.client(), stage.client()];
    let mut lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).peekable();
    while let Some(line) = lines.next() {
        let (who, command) = spoken(line, 'C').unwrap_or_else(|| panic!("not a client's line: {line}"));
        let answer = say(&mut clients[who], command).await;
        let mut expected = Vec::new();
        while let Some((to, text)) = lines.peek().and_then(|line| spoken(line, 'S')) {
            assert_eq!(to, who, "only the client that spoke is answered: {text}");
            expected.push(text);
            lines.next();
        }
        compare(line, &expected, &answer);
    }
    stage.end();
}

async fn say(client: &mut Client, command: &str) -> String {
    if command == "IDLE" {
        return client.idle().await;
    }
    match command.strip_prefix("APPEND ").and_then(|rest| rest.strip_suffix('>')?.rsplit_once(" <")) {
        Some((arguments, name)) => client.append(arguments, &messages::named(name), 700).await,
        None => client.say(command).await,
    }
}

/// `C: text` and `C2: text`.
fn spoken(line: &str, side: char) -> Option<(usize, &str)> {
    let rest = line.strip_prefix(side)?;
    if let Some(text) = rest.strip_prefix("2:") {
        return Some((1, text.strip_prefix(' ').unwrap_or(text)));
    }
    let text = rest.strip_prefix(':')?;
    Some((0, text.strip_prefix(' ').unwrap_or(text)))
}

fn compare(command: &str, expected: &[&str], answer: &str) {
    let told: Vec<&str> = answer.split_terminator("\r\n").collect();
    let same = told.len() == expected.len() && told.iter().zip(expected).all(|(told, line)| fits(line, told));
    assert!(same, "\n{command}\nexpected:\n  {}\ntold:\n  {}\n", expected.join("\n  "), told.join("\n  "));
}

/// Whether a line is as expected, `…` standing for anything.
pub(crate) fn fits(expected: &str, told: &str) -> bool {
    let mut pieces = expected.split('…');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = told.strip_prefix(first) else { return false };
    let mut last = None;
    for piece in pieces {
        if let Some(middle) = last.replace(piece) {
            let Some((_, after)) = rest.split_once(middle) else { return false };
            rest = after;
        }
    }
    match last {
        Some(end) => rest.ends_with(end),
        None => rest.is_empty(),
    }
}
