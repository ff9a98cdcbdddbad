/// A certificate that a listener shows.
public struct CertificateStatus: Codable, Equatable, Sendable {
    /// Where it stands in the settings, such as `listen[0]`.
    public var listener: String
    public var file: String
    /// The names of hosts that it is for.
    public var names: [String]
    /// When it expires, such as `2026-11-23T18:00:00Z`.
    public var notAfter: String

    public init(listener: String, file: String, names: [String], notAfter: String) {
        self.listener = listener
        self.file = file
        self.names = names
        self.notAfter = notAfter
    }
}
