//! `avala organizations …`

use avala_api::{
    Operation as _,
    organizations::{
        Get, Leave, List, ListMembers, Member, Organization, OrganizationSlug, RemoveMember, UpdateMemberRole,
    },
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
    (ListMembers::ROUTE.operation, "avala organizations members"),
    (UpdateMemberRole::ROUTE.operation, "avala organizations set-role"),
    (RemoveMember::ROUTE.operation, "avala organizations remove-member"),
    (Leave::ROUTE.operation, "avala organizations leave"),
];

pub(super) async fn run(session: &Session, verb: args::Organizations) -> Result<(), Failure> {
    match verb {
        args::Organizations::List(args) => {
            let mut list = List::new().limit(args.listing.page());
            list.ordering = args.ordering;
            session.list(list, args.listing, |_| {}).await
        }
        args::Organizations::Get { slug } => session.show(Get::new(one(session, slug)?)).await,
        args::Organizations::Members(args) => {
            let mut list = ListMembers::new(one(session, args.slug)?).limit(args.listing.page());
            list.search = args.search;
            list.role = args.role;
            session.list(list, args.listing, |_| {}).await
        }
        args::Organizations::SetRole(args) => {
            let args::OneMember { slug, user } = args.member;
            let done = format!("{user} is {} of {slug} now.", args.role);
            let update = UpdateMemberRole::new(slug, user, args.role);
            session.may_call::<UpdateMemberRole>()?.send(update).await?;
            session.out.note(&done);
            Ok(())
        }
        args::Organizations::RemoveMember(args) => {
            let args::OneMember { slug, user } = args.member;
            let question = format!("Remove {user} from {slug}?");
            let done =
                format!("{user} no longer belongs to {slug}, and the keys of {user} there open nothing.");
            session
                .confirmed(RemoveMember::new(slug, user), args.yes, &question, &done)
                .await
        }
        args::Organizations::Leave(args) => {
            let question = format!(
                "Leave {}? The key this is asked with opens nothing after that.",
                args.slug
            );
            let done = format!("You no longer belong to {}.", args.slug);
            session
                .confirmed(Leave::new(args.slug), args.yes, &question, &done)
                .await
        }
    }
}

/// The organization that is meant.
fn one(session: &Session, named: Option<OrganizationSlug>) -> Result<OrganizationSlug, Failure> {
    session.organization(named).ok_or_else(|| {
        Failure::usage("Which organization?").hint(
            "Say its name in paths, as `avala organizations list` shows it. A profile can have one: \
             avala profile set NAME --organization SLUG",
        )
    })
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

impl Row for Member {
    const COLUMNS: &'static [&'static str] = &["uid", "email", "name", "role", "joined"];
}

impl Record for Member {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("uid", Cell::text(&self.user_uid)),
            ("email", self.email.clone().into()),
            ("name", self.full_name.clone().into()),
            ("role", Cell::optional(self.role.as_ref())),
            ("joined", self.created_at.into()),
        ]
    }
}
