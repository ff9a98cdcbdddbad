import Primitives

/// What the Connection field of a message says.
struct ConnectionOptions: OptionSet {
    let rawValue: UInt8
    static let close = ConnectionOptions(rawValue: 1)
    static let keepAlive = ConnectionOptions(rawValue: 2)
    static let upgrade = ConnectionOptions(rawValue: 4)
    /// It names other fields, which are then for this hop only.
    static let nominates = ConnectionOptions(rawValue: 8)
}

/// The field lines of a head and what they say about the message as a whole; shared by requests and responses.
///
/// Owns its memory for `capacity` fields, so that filling it costs one store a field and never an allocation.
struct FieldSection: ~Copyable {
    /// Protected by ownership: only this value writes it, and frees it.
    private let storage: UnsafeMutablePointer<Field>
    let capacity: Int
    private(set) var count = 0
    private(set) var names: FieldSet = []
    private(set) var connection: ConnectionOptions = []
    /// The value of the last Host field; `hostCount` says how many there were.
    private(set) var host = ByteRange.empty
    private(set) var hostCount: UInt8 = 0
    /// -1 without a Content-Length field.
    private(set) var contentLength: Int64 = -1
    private(set) var expectsContinue = false
    /// The first contradiction between otherwise well-formed lines. It is judged when the head is complete, because a
    /// head that arrives in pieces must fail for the same reason as one that arrives whole.
    private(set) var contradiction: WireFailure.Reason?

    init(capacity: Int) {
        self.capacity = capacity
        self.storage = .allocate(capacity: capacity)
        self.storage.initialize(
            repeating: Field(name: .empty, value: .empty, id: .other),
            count: capacity
        )
    }

    deinit { self.storage.deallocate() }

    var fields: UnsafeBufferPointer<Field> { UnsafeBufferPointer(start: self.storage, count: self.count) }

    @inline(__always)
    mutating func reset() {
        self.count = 0
        self.names = []
        self.connection = []
        self.host = .empty
        self.hostCount = 0
        self.contentLength = -1
        self.expectsContinue = false
        self.contradiction = nil
    }

    enum Step {
        /// The offset after the blank line.
        case complete(Int)
        /// The line at this offset is either not all here or malformed; its end decides which.
        case stopped(Int)
        case tooMany
    }

    /// Field names whose values have a say in the message as a whole.
    private static var special: FieldSet {
        @inline(__always) get {
            FieldSet(
                bits: FieldName.host.bit | FieldName.connection.bit | FieldName.contentLength.bit
                    | FieldName.transferEncoding.bit | FieldName.expect.bit
            )
        }
    }

    /// Reads field lines from `start` up to and with the blank line. `budget` is how many more fields are allowed.
    mutating func parse(_ window: Window, from start: Int, budget: Int) -> Step {
        assert(budget <= self.capacity)
        var line = start
        while true {
            let first = window.word(at: line)
            if UInt8(truncatingIfNeeded: first) == ASCII.carriageReturn {
                guard line &+ 2 <= window.limit, window.pair(at: line) == Self.lineEnd else { return .stopped(line) }
                return .complete(line &+ 2)
            }
            let nameCount = window.nameCount(at: line, first: first)
            guard nameCount > 0, let id = window.fieldName(at: line, count: nameCount, first: first) else {
                return .stopped(line)
            }
            guard let value = Self.value(window, from: line &+ nameCount &+ 1) else { return .stopped(line) }
            guard self.count < budget else { return .tooMany }
            let name = ByteRange(start: line, end: line &+ nameCount)
            (self.storage + self.count).pointee = Field(name: name, value: value.range, id: id)
            self.count &+= 1
            if Self.special.contains(id) { self.note(id, value.range, window) }
            self.names.insert(id)
            line = value.nextLine
        }
    }

    private static var lineEnd: UInt16 { @inline(__always) get { 0x0A0D } }

    /// The value without white space around it, and where the next line starts; nil unless it ends with CR LF.
    @inline(__always)
    private static func value(_ window: Window, from start: Int) -> (range: ByteRange, nextLine: Int)? {
        // Nearly always one space and then the value.
        var start = start
        if start < window.limit, window.byte(at: start) == ASCII.space { start &+= 1 }
        while start < window.limit, window.isBlank(at: start) { start &+= 1 }
        var stop = window.endOfText(from: start)
        // A tab is the one control byte that a value may hold.
        while stop < window.limit, window.byte(at: stop) == ASCII.tab { stop = window.endOfText(from: stop &+ 1) }
        guard stop &+ 2 <= window.limit, window.pair(at: stop) == self.lineEnd else { return nil }
        var end = stop
        while end > start, window.isBlank(at: end &- 1) { end &-= 1 }
        return (ByteRange(start: start, end: end), stop &+ 2)
    }

    @inline(never)
    private mutating func note(_ id: FieldName, _ value: ByteRange, _ window: Window) {
        switch id {
        case .host:
            self.host = value
            self.hostCount = self.hostCount == 0 ? 1 : 2
        case .connection:
            self.noteConnection(value, window)
        case .contentLength:
            if self.names.contains(.contentLength) { self.contradict(.contentLengthRepeated) }
            self.noteContentLength(value, window)
        case .transferEncoding:
            if self.names.contains(.transferEncoding) { self.contradict(.transferEncodingRepeated) }
            if !window.equals(value, ignoringCase: "chunked") { self.contradict(.transferEncodingUnknown) }
        case .expect:
            if window.equals(value, ignoringCase: "100-continue") { self.expectsContinue = true }
        default:
            assertionFailure("not a special field")
        }
    }

    private mutating func contradict(_ reason: WireFailure.Reason) {
        if self.contradiction == nil { self.contradiction = reason }
    }

    private mutating func noteConnection(_ value: ByteRange, _ window: Window) {
        var tokens = ListTokens(value)
        while let token = tokens.next(window) { self.connection.insert(Self.option(token, window)) }
    }

    /// Compared in words, because browsers and many workers send one with every message.
    private static func option(_ token: ByteRange, _ window: Window) -> ConnectionOptions {
        let start = Int(token.start)
        let first = Word.folded(window.word(at: start))
        switch token.count {
        case 5 where first & (1 &<< 40 &- 1) == Word.text("close\0\0\0"): return .close
        case 7 where first & (1 &<< 56 &- 1) == Word.text("upgrade\0"): return .upgrade
        case 10 where first == Word.text("keep-ali"):
            let last = Word.folded(window.wholeWord(at: start &+ 2))
            return last == Word.text("ep-alive") ? .keepAlive : .nominates
        default: return .nominates
        }
    }

    private mutating func noteContentLength(_ value: ByteRange, _ window: Window) {
        guard !value.isEmpty else { return self.contradict(.contentLengthInvalid) }
        var length: Int64 = 0
        var overflowed = false
        for offset in Int(value.start)..<value.end {
            let digit = window.byte(at: offset) &- ASCII.zero
            guard digit < 10 else { return self.contradict(.contentLengthInvalid) }
            // Far from the largest Int64, so that sums of lengths need no care either.
            if length > Int64.max / 1_000 { overflowed = true }
            length = overflowed ? length : length &* 10 &+ Int64(digit)
        }
        if overflowed { self.contradict(.contentLengthTooLarge) }
        self.contentLength = length
    }
}
