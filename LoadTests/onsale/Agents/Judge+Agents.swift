/// Whether those who played the crowd on other machines were there until the end.
extension Judge {
    /// nil when there were none.
    func agents() -> Check? {
        guard self.evidence.agentCount > 0 else { return nil }
        let missing = self.evidence.missingShares
        return Self.none(
            .agents,
            "Every agent played its share",
            found: missing.count,
            measured: true,
            missing.isEmpty
                ? "\(Self.plural(self.evidence.agentCount, "agent")) on one clock"
                : missing.joined(separator: "; ")
        )
    }
}
