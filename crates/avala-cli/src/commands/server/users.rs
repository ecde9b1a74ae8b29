//! `avala server users …`

use avala_server::{ListedUser, Switched};

use super::super::serve::sentence;
use crate::{
    args::{OneUser, UsersVerb},
    failure::Failure,
    output::{Cell, Output, Record, Row},
};

pub(super) async fn run(verb: UsersVerb, out: Output) -> Result<(), Failure> {
    match verb {
        UsersVerb::List { data } => {
            let authority = super::open(&data, out).await?;
            let users = authority
                .users()
                .list()
                .await
                .map_err(|error| Failure::local(sentence(&error)))?;
            let mut rows = out.rows();
            for user in &users {
                rows.push(user)?;
            }
            Ok(rows.finish()?)
        }
        UsersVerb::Disable(args) => switch(args, false, out).await,
        UsersVerb::Enable(args) => switch(args, true, out).await,
    }
}

async fn switch(args: OneUser, on: bool, out: Output) -> Result<(), Failure> {
    let authority = super::open(&args.data, out).await?;
    let users = authority.users();
    let switched = if on {
        users.enable(&args.user).await
    } else {
        users.disable(&args.user).await
    };
    let switched = switched.map_err(|error| Failure::local(sentence(&error)))?;
    Ok(out.record(&switched)?)
}

impl Row for ListedUser {
    const COLUMNS: &'static [&'static str] = &["uid", "email", "organizations", "created", "disabled"];
}

impl Record for ListedUser {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        let places: Vec<String> = self
            .organizations
            .iter()
            .map(|place| format!("{} ({})", place.slug, place.role))
            .collect();
        vec![
            ("uid", Cell::text(&self.uid)),
            ("email", Cell::text(&self.email)),
            ("organizations", Cell::names(&places)),
            ("created", self.created_at.into()),
            ("disabled", self.disabled_at.into()),
        ]
    }
}

impl Record for Switched {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("uid", Cell::text(&self.uid)),
            ("email", Cell::text(&self.email)),
            ("keys", Cell::text(&self.keys)),
        ]
    }
}
