//! Nothing of one tenant is seen or changed by another.

use crate::events::{Numbers, fleet, served};
use crate::figures::report;
use crate::{databases, open};
use mender_delta::fleet::ledger::open::Verdict;
use mender_delta::fleet::ledger::refusal::Refusal;
use mender_delta::fleet::ledger::report::By;
use mender_delta::fleet::tenant::TenantId;

#[test]
fn two_tenants_with_the_same_names() {
    databases(|address| {
        let mut ledger = open(address);
        let (acme, other) = (TenantId::new("acme").unwrap(), TenantId::new("other").unwrap());
        let events = fleet("acme", 200, &mut Numbers(21));
        ledger.tenant(&acme).append(events.clone()).unwrap();
        for by in [By::Device, By::Deployment, By::Tenant, By::Day] {
            assert_eq!(report(&mut ledger, "other", by).rows, [], "{by:?}");
        }
        assert_eq!(ledger.tenant(&other).check().unwrap().events, 0);
        let before = report(&mut ledger, "acme", By::Device);

        // The same ids, deployments and devices are others' here.
        let mut theirs = events.clone();
        theirs.iter_mut().for_each(|event| event.tenant = "other".to_owned());
        theirs.truncate(50);
        let verdicts = ledger.tenant(&other).append(theirs).unwrap();
        assert!(verdicts.iter().all(|verdict| *verdict == Verdict::New));
        assert_eq!(report(&mut ledger, "acme", By::Device), before);
        assert_eq!(ledger.tenant(&other).check().unwrap().events, 50);
        assert_eq!(ledger.tenant(&acme).check().unwrap().events, 200);

        // Events of one tenant are not taken for another.
        let verdicts = ledger.tenant(&other).append(vec![served("acme", "x")]).unwrap();
        assert_eq!(verdicts, [Verdict::Refused(Refusal::TenantMismatch)]);
    });
}
