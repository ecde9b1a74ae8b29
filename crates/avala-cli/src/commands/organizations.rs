//! `avala organizations …`

use avala_api::{
    Operation as _,
    organizations::{Get, List, Organization},
};

use crate::{
    args,
    failure::Failure,
    output::{Cell, Record, Row},
    session::Session,
};

pub(super) const CALLS: &[(&str, &str)] = &[
    (List::ROUTE.operation, "avala organizations list"),
    (Get::ROUTE.operation, "avala organizations get"),
];

pub(super) async fn run(session: &Session, verb: args::Organizations) -> Result<(), Failure> {
    match verb {
        args::Organizations::List(args) => {
            let mut list = List::new().limit(args.listing.page());
            list.ordering = args.ordering;
            session.list(list, args.listing, |_| {}).await
        }
        args::Organizations::Get { slug } => session.show(Get::new(slug)).await,
    }
}

impl Row for Organization {
    const COLUMNS: &'static [&'static str] = &["slug", "name", "role", "members", "plan", "uid"];
}

impl Record for Organization {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        let mut fields = vec![
            ("uid", Cell::text(&self.uid)),
            ("slug", Cell::text(&self.slug)),
            ("name", Cell::text(&self.name)),
            ("role", self.role.as_ref().map(ToString::to_string).into()),
            (
                "visibility",
                self.visibility.as_ref().map(ToString::to_string).into(),
            ),
            ("plan", self.plan.clone().into()),
            ("active", self.is_active.into()),
            ("verified", self.is_verified.into()),
        ];
        // A profile is mostly empty: what is not filled in is left out.
        let profile: [(&'static str, Cell); 14] = [
            ("handle", self.handle.clone().into()),
            ("description", self.description.clone().into()),
            ("website", self.website.clone().into()),
            ("email", self.email.clone().into()),
            ("phone", self.phone.clone().into()),
            ("industry", self.industry.clone().into()),
            ("billing", self.billing_status.clone().into()),
            ("members", self.member_count.into()),
            ("teams", self.team_count.into()),
            ("datasets", self.dataset_count.into()),
            ("projects", self.project_count.into()),
            ("slices", self.slice_count.into()),
            ("joined", self.joined_at.into()),
            ("created", self.created_at.into()),
        ];
        fields.extend(
            profile
                .into_iter()
                .filter(|(_, cell)| *cell != Cell::Nothing && *cell != Cell::from("")),
        );
        fields
    }
}
