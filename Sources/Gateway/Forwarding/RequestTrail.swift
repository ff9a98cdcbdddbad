import HTTPWire
import Primitives
import Tokens

/// How one request can be found again, in every log that it leaves a line in: its id, and its place in a trace.
struct RequestTrail {
    private enum Identity {
        case none
        /// Made here: 32 hexadecimal digits.
        case made(UInt64, UInt64)
        /// A trusted proxy's own words, in `given`.
        case taken
    }

    private var identity = Identity.none
    /// Memory of one id to the next.
    private var given: [UInt8] = []
    /// The trace as this gateway tells it to the worker.
    private(set) var trace: TraceParent?
    /// Who sent the request, in the trace; nil when it begins here.
    private(set) var traceParent: UInt64?
    /// `tracestate` belongs to a `traceparent` that is not passed on.
    private(set) var dropsTraceState = false

    /// Reads what the request says of itself, and makes what is missing.
    /// - Parameter isProxied: a trusted proxy has sent it, whose id counts.
    mutating func begin(
        _ head: borrowing RequestHead,
        in bytes: UnsafeRawBufferPointer,
        isProxied: Bool,
        rules: ForwardingRules,
        random: inout RandomWords
    ) {
        self.identity = .none
        if !rules.requestIDName.isEmpty {
            if isProxied, let id = Self.givenID(head, in: bytes, name: rules.requestIDName) {
                self.given.removeAll(keepingCapacity: true)
                self.given.append(contentsOf: id)
                self.identity = .taken
            } else {
                self.identity = .made(random.next(), random.next())
            }
        }
        self.trace = nil
        self.traceParent = nil
        self.dropsTraceState = false
        guard rules.settings.tracing != .off else { return }
        if let sent = Self.sentTrace(head, in: bytes) {
            self.trace = TraceParent(
                traceHigh: sent.traceHigh,
                traceLow: sent.traceLow,
                parent: random.nextNonzero(),
                flags: sent.flags
            )
            self.traceParent = sent.parent
            return
        }
        self.dropsTraceState = true
        guard rules.settings.tracing == .start else { return }
        // Not recorded, as nobody here records it; the id is random as a whole.
        self.trace = TraceParent(
            traceHigh: random.nextNonzero(),
            traceLow: random.next(),
            parent: random.nextNonzero(),
            flags: 2
        )
    }

    /// The value of the only field of that name, when it is of letters, digits and `-_.:/+=@`, and not too long.
    private static func givenID(
        _ head: borrowing RequestHead,
        in bytes: UnsafeRawBufferPointer,
        name: [UInt8]
    ) -> UnsafeRawBufferPointer? {
        var found: UnsafeRawBufferPointer?
        for field in head.fields where Int(field.name.count) == name.count {
            let given = field.name.slice(of: bytes)
            var isSame = true
            for index in 0..<name.count where ASCII.lowercased(given[index]) != name[index] { isSame = false }
            guard isSame else { continue }
            guard found == nil else { return nil }
            found = field.value.slice(of: bytes)
        }
        guard let found, (1...ForwardingRules.mostRequestIDBytes).contains(found.count), found.allSatisfy(self.isPlain)
        else { return nil }
        return found
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "/"),
            UInt8(ascii: "+"), UInt8(ascii: "="), UInt8(ascii: "@"):
            true
        default: ASCII.isLetter(byte) || ASCII.isDigit(byte)
        }
    }

    /// Nil also when there are two of them: nobody knows which one counts.
    private static func sentTrace(_ head: borrowing RequestHead, in bytes: UnsafeRawBufferPointer) -> TraceParent? {
        guard head.names.contains(.traceparent) else { return nil }
        var found: TraceParent?
        for field in head.fields where field.id == .traceparent {
            guard found == nil, let parsed = TraceParent(parsing: field.value.slice(of: bytes)) else { return nil }
            found = parsed
        }
        return found
    }

    var hasID: Bool {
        if case .none = self.identity { return false }
        return true
    }

    func appendID(to writer: inout ByteWriter) {
        switch self.identity {
        case .none: break
        case .made(let high, let low):
            writer.append(hexadecimal: high, digits: 16)
            writer.append(hexadecimal: low, digits: 16)
        case .taken: writer.append(self.given)
        }
    }

    /// Appends the field with the request's id, for the worker and for the client.
    func writeID(to writer: inout ByteWriter, rules: ForwardingRules) {
        // A change of the settings may have come while the request waited.
        guard self.hasID, !rules.requestIDStart.isEmpty else { return }
        writer.append(rules.requestIDStart)
        self.appendID(to: &writer)
        writer.append("\r\n")
    }
}
