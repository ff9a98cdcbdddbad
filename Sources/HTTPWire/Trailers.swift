import Primitives

/// The trailer fields of a body that may travel on, as `name: value` lines of our own writing.
///
/// A server that merges trailers into the head, or that does not expect them at all, can be led astray by a foreign
/// one, so only the names of `Trailers.names` are kept: none of them frames, routes, authenticates or names a client.
/// All others are read and forgotten (RFC 9110 section 6.5.1 lets a gateway do that). Memory is taken only when a body
/// has trailers, at most `BodyReader.maxTrailerBytes`.
public struct Trailers: Sendable, Equatable {
    /// What may travel on: gRPC's status, digests that are known only at the end, and timings.
    public static let names: [StaticString] = [
        "grpc-status", "grpc-message", "grpc-status-details-bin", "server-timing", "content-digest", "repr-digest",
        "digest", "etag",
    ]
    /// A longer name is none of them.
    private static let longestName = 23

    private var lines: [UInt8] = []
    private var lineStart = 0
    private var valueStart = 0
    private var keepsValue = false

    public init() {}

    public var isEmpty: Bool { self.lines.isEmpty }

    /// Complete lines, each with its line end; names are in lower case.
    public func withLines<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        self.lines.withUnsafeBytes(body)
    }

    // MARK: While they are read

    mutating func takeName(_ byte: UInt8) {
        if self.lines.count - self.lineStart <= Self.longestName { self.lines.append(ASCII.lowercased(byte)) }
    }

    mutating func endName() {
        self.keepsValue = self.lines.withUnsafeBytes { lines in
            let name = UnsafeRawBufferPointer(rebasing: lines[self.lineStart...])
            return Self.names.contains { ASCII.equalsIgnoringCase(name, $0) }
        }
        if self.keepsValue {
            self.lines.append(ASCII.colon)
            self.lines.append(ASCII.space)
            self.valueStart = self.lines.count
        } else {
            self.dropLine()
        }
    }

    mutating func takeValue(_ byte: UInt8) {
        guard self.keepsValue else { return }
        // White space before the value; ours is there already.
        if Self.isBlank(byte), self.lines.count == self.valueStart { return }
        // Servers disagree on what a byte beyond ASCII stands for.
        if byte < 0x80 { self.lines.append(byte) } else { self.dropLine() }
    }

    mutating func endLine() {
        guard self.keepsValue else { return }
        while self.lines.count > self.valueStart, let last = self.lines.last, Self.isBlank(last) {
            self.lines.removeLast()
        }
        self.lines.append(ASCII.carriageReturn)
        self.lines.append(ASCII.lineFeed)
        self.lineStart = self.lines.count
        self.keepsValue = false
    }

    private mutating func dropLine() {
        self.lines.removeLast(self.lines.count - self.lineStart)
        self.keepsValue = false
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == ASCII.space || byte == ASCII.tab }
}
