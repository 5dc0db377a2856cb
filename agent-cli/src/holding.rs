//! What the agent holds of what it names: the claims that renewing, releasing and handing over are about.

use coordination::{Claim, Ending, Loss, Session};

use crate::failure::{Exit, Failure};
use crate::path::shown;
use crate::place::Named;
use crate::record;

/// What became of the agent's claims on what it named.
#[derive(Debug, Default)]
pub(crate) struct Holding {
    pub(crate) held: Vec<Claim>,
    pub(crate) lost: Vec<(String, Loss)>,
}

/// The session's live claims of these names, or of all. A name that it never held, or gave back itself, is an error: nothing is done.
pub(crate) async fn find(session: &Session, named: Option<&[Named]>) -> Result<Holding, Failure> {
    let mut mine = session.claims().await?;
    let Some(named) = named else {
        return Ok(Holding {
            held: mine,
            lost: Vec::new(),
        });
    };
    let mut holding = Holding::default();
    for one in named {
        let name = one.resource.name();
        let (found, others): (Vec<_>, Vec<_>) =
            mine.into_iter().partition(|claim| claim.resource() == name);
        mine = others;
        if found.is_empty() && holding.held.iter().all(|claim| claim.resource() != name) {
            match record::last_end(session, name).await? {
                Some(loss) if loss.ending != Ending::Released => {
                    holding.lost.push((name.to_owned(), loss));
                }
                _ => return Err(nothing(session, one, &mine)),
            }
        }
        holding.held.extend(found);
    }
    Ok(holding)
}

fn nothing(session: &Session, named: &Named, mine: &[Claim]) -> Failure {
    let covering = mine.iter().find(|claim| {
        coordination::Resource::parse(claim.resource())
            .is_ok_and(|wider| wider.covers(&named.resource))
    });
    let what = format!(
        "{} holds no claim of {}",
        session.agent(),
        shown(named.resource.name())
    );
    let next = match covering {
        Some(wider) => format!(
            "it is part of {}, which is held: name that",
            shown(wider.resource())
        ),
        None if mine.is_empty() => "nothing is held by this agent: claim it first".to_owned(),
        None => format!(
            "held are: {}",
            mine.iter()
                .map(|claim| shown(claim.resource()))
                .collect::<Vec<_>>()
                .join(", ")
        ),
    };
    Failure {
        exit: Exit::No,
        what,
        next,
    }
}
