//! `avala keys revoke --where …`

use avala_api::api_keys::{BulkRevocation, KeyFilter, RevokeMany};

use crate::{
    args,
    failure::Failure,
    output::{Cell, Record},
    session::Session,
    terminal,
};

pub(super) async fn revoke(session: &Session, args: args::RevokeApiKey) -> Result<(), Failure> {
    let caller = session.may_call::<RevokeMany>()?;
    if args.count.is_none() && !args.dry_run {
        terminal::can_ask_for_count()?;
    }
    let mut revoke = RevokeMany::new(filter(args.filter)).include_caller(args.include_own);
    revoke.reason = args.reason;
    let expected = if let Some(count) = args.count {
        count
    } else {
        let counted = caller.send(revoke.clone()).await?;
        let count = counted.count;
        show(session, counted)?;
        if args.dry_run || count == 0 {
            return Ok(());
        }
        let keys = if count == 1 { "this key" } else { "these keys" };
        terminal::confirm_count(
            &format!("To revoke {keys}, for ever, type how many there are ({count}):"),
            count,
        )
        .await?;
        count
    };
    let revoked = caller
        .send(revoke.dry_run(false).expected_count(expected))
        .await?;
    let note = match revoked.count {
        1 => "1 key is revoked.".to_owned(),
        count => format!("{count} keys are revoked."),
    };
    if args.count.is_some() || session.out.is_json() {
        show(session, revoked)?;
    }
    session.out.note(&note);
    Ok(())
}

fn filter(conditions: Vec<args::KeyCondition>) -> KeyFilter {
    let mut filter = KeyFilter::default();
    for condition in conditions {
        match condition {
            args::KeyCondition::Environment(name) => filter.environment = Some(name),
            args::KeyCondition::Owner(uid) => filter.owner = Some(uid),
            args::KeyCondition::State(state) => filter.state = Some(state),
            args::KeyCondition::CreatedBefore(at) => filter.created_before = Some(at),
            args::KeyCondition::UnusedSince(at) => filter.unused_since = Some(at),
            args::KeyCondition::Legacy(is_legacy) => filter.legacy = Some(is_legacy),
        }
    }
    filter
}

/// The keys as a list; programs that read JSON get the whole answer.
fn show(session: &Session, mut answer: BulkRevocation) -> Result<(), Failure> {
    answer.keys.iter_mut().for_each(super::hide_secret);
    if session.out.is_json() {
        return Ok(session.out.record(&answer)?);
    }
    let mut rows = session.out.rows();
    for key in &answer.keys {
        rows.push(key)?;
    }
    rows.finish()?;
    let shown = answer.keys.len() as u64;
    if shown < answer.count {
        let more = answer.count - shown;
        session
            .out
            .note(&format!("… and {more} more: {} in all.", answer.count));
    } else if answer.count == 0 {
        session.out.note("There are no such keys.");
    }
    Ok(())
}

impl Record for BulkRevocation {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("count", Cell::text(&self.count)),
            ("dry run", self.dry_run.into()),
        ]
    }
}
