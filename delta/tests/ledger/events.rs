//! Events of a small fleet, with everything that can come: resumes, overlaps, unknown places, missing facts.

use mender_delta::fleet::ledger::record::{Kind, Record, Via, What};

/// Numbers that look random and are the same each time.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at as u64 + 1) as usize);
        }
    }
}

/// A served event of the whole of an Artifact of 100 bytes.
pub(crate) fn served(tenant: &str, id: &str) -> Record {
    Record {
        v: 1,
        event_id: id.to_owned(),
        tenant: tenant.to_owned(),
        deployment: "dep".to_owned(),
        device: "dev".to_owned(),
        artifact_sha256: "ab".repeat(32),
        kind: None,
        from: None,
        to: None,
        event: What::Served,
        via: Some(Via::Origin),
        range: Some([0, 100]),
        bytes: None,
        artifact_size: 100,
        full_size: None,
        ts: "2026-01-02T03:04:05Z".to_owned(),
    }
}

/// Of one Artifact for one device: facts that events mention or not.
fn facts(n: u64) -> (Kind, u64, u64) {
    let artifact_size = 20 + n * 37 % 150;
    if n % 3 == 0 {
        (Kind::Full, artifact_size, artifact_size)
    } else {
        (Kind::Delta, artifact_size, 400 + n)
    }
}

/// `count` events in no order.
pub(crate) fn fleet(tenant: &str, count: usize, numbers: &mut Numbers) -> Vec<Record> {
    let mut events = Vec::new();
    for n in 0..count {
        let (deployment, device, artifact) = (numbers.below(3), numbers.below(12), numbers.below(2));
        let (kind, artifact_size, full_size) = facts(deployment * 2 + artifact);
        // Deployment 2 has events of which nobody says the kind.
        let tells = deployment != 2 && numbers.below(3) == 0;
        let (a, b) = (numbers.below(artifact_size + 1), numbers.below(artifact_size + 1));
        let (start, end) = (a.min(b), a.max(b));
        let event = [What::Served, What::Served, What::Served, What::Assigned, What::Received, What::Aborted]
            [numbers.below(6) as usize];
        let range = (numbers.below(4) > 0).then_some([start, end]);
        let most = range.map_or(artifact_size, |_| end - start);
        events.push(Record {
            event_id: format!("{tenant}-{n}"),
            deployment: format!("dep-{deployment}"),
            device: format!("dev-{device}"),
            artifact_sha256: format!("{:064x}", deployment * 2 + artifact),
            kind: tells.then_some(kind),
            event,
            via: Some(if numbers.below(3) == 0 { Via::Gateway } else { Via::Origin }),
            range,
            bytes: (range.is_none() || numbers.below(3) == 0).then(|| numbers.below(most + 1)),
            artifact_size,
            full_size: (tells && numbers.below(2) == 0).then_some(full_size),
            // Few different times, so that some are the same.
            ts: format!("2026-01-0{}T00:00:{:02}Z", 1 + numbers.below(4), numbers.below(20)),
            ..served(tenant, "")
        });
    }
    events
}
