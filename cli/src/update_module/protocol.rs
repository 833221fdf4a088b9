//! The states of Update Module protocol 3, by the names that the client passes.

/// What the client asks for in this call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    ProvidePayloadFileSizes,
    SupportsRollback,
    NeedsArtifactReboot,
    Download,
    DownloadWithFileSizes,
    ArtifactInstall,
    ArtifactVerifyReboot,
    ArtifactVerifyRollbackReboot,
    ArtifactCommit,
    ArtifactRollback,
    /// `ArtifactReboot` and `ArtifactRollbackReboot` (the client reboots by itself), `ArtifactFailure`,
    /// `Cleanup`, and every state that a later client may add: the protocol wants success without output.
    NothingToDo,
}

impl State {
    /// Names are matched whole and exactly, as the clients write them.
    pub(crate) fn parse(name: &str) -> Self {
        match name {
            "ProvidePayloadFileSizes" => Self::ProvidePayloadFileSizes,
            "SupportsRollback" => Self::SupportsRollback,
            "NeedsArtifactReboot" => Self::NeedsArtifactReboot,
            "Download" => Self::Download,
            "DownloadWithFileSizes" => Self::DownloadWithFileSizes,
            "ArtifactInstall" => Self::ArtifactInstall,
            "ArtifactVerifyReboot" => Self::ArtifactVerifyReboot,
            "ArtifactVerifyRollbackReboot" => Self::ArtifactVerifyRollbackReboot,
            "ArtifactCommit" => Self::ArtifactCommit,
            "ArtifactRollback" => Self::ArtifactRollback,
            _ => Self::NothingToDo,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::State;

    #[test]
    fn only_whole_names_are_states() {
        assert_eq!(State::parse("Download"), State::Download);
        assert_eq!(State::parse("DownloadWithFileSizes"), State::DownloadWithFileSizes);
        for other in ["", "download", "Download ", "ArtifactReboot", "Cleanup", "ArtifactFailure", "New"] {
            assert_eq!(State::parse(other), State::NothingToDo, "{other:?}");
        }
    }
}
