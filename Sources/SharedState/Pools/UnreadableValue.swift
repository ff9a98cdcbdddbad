/// A value in the shared state that is not what it should be: written by another version, or by hand.
public struct UnreadableValue: Error, Equatable, Sendable, CustomStringConvertible {
    public let what: String
    /// The beginning of the value.
    public let value: String
    public let problem: String

    init(_ what: String, _ value: some StringProtocol, _ problem: String) {
        self.what = what
        self.value = value.count > 80 ? value.prefix(80) + "..." : String(value)
        self.problem = problem
    }

    public var description: String {
        "\(self.what) in the shared state cannot be read: \(self.problem) ('\(self.value)'). It is left out. "
            + "Do all gateways and controllers run the same version?"
    }
}
