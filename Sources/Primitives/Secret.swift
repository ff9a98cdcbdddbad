/// Text that must never reach a log, an error or a dump. Whoever needs it says so by reading `bytes`.
public struct Secret: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    public let bytes: [UInt8]

    public init(_ bytes: [UInt8]) { self.bytes = bytes }
    public init(_ text: String) { self.bytes = Array(text.utf8) }

    public var description: String { "(hidden)" }
    public var customMirror: Mirror { Mirror(self, children: EmptyCollection()) }
}
