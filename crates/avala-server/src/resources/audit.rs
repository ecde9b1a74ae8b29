//! The audit, as an organization reads its part of it.

use avala_api::{
    Extra, Page,
    api_keys::ApiKeyId,
    audit::{Actor, AuditEntry, List},
};

use crate::{
    context::Context,
    hex, paging,
    refusal::Refusal,
    store::{
        Rows,
        audit::{self, Chained, Filter},
    },
};

pub(super) async fn list(context: Context, operation: List) -> Result<Page<AuditEntry>, Refusal> {
    let window = paging::window(
        &context,
        &operation,
        operation.limit,
        operation.cursor.as_ref(),
        false,
    )?;
    let filter = Filter {
        key: operation.key.as_ref().map(ApiKeyId::as_str),
        actor: operation.actor.as_deref(),
        action: operation.action.as_deref(),
        from: operation.from,
        to: operation.to,
    };
    let organization = context.caller()?.organization();
    let rows = audit::list(context.store().reader(), organization, &filter, window).await?;
    let rows = Rows {
        items: rows.items.into_iter().map(entry).collect(),
        next: rows.next,
        previous: rows.previous,
    };
    paging::page(&context, &operation, rows, false)
}

fn entry(chained: Chained) -> AuditEntry {
    let Chained {
        position, line, hash, ..
    } = chained;
    AuditEntry {
        position,
        at: line.at(),
        actor: Actor {
            kind: line.actor_kind.into(),
            key: line.actor_key.map(Into::into),
            user: line.actor_user.map(Into::into),
            extra: Extra::new(),
        },
        action: line.action,
        object: line.object,
        code: line.code,
        requests: line.requests.and_then(|requests| requests.try_into().ok()),
        seq: line.seq,
        hash: hash.as_deref().map(hex::encode),
        extra: Extra::new(),
    }
}
