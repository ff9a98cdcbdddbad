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
    /// `TE` names `trailers`.
    private(set) var acceptsTrailers = false
    /// Recognised names that Connection names.
    private(set) var nominated: FieldSet = []
    /// The other names that Connection names, at most `maxNominations`.
    private let nominationStorage: UnsafeMutablePointer<ByteRange>
    private var nominationCount = 0
    /// Each is compared with the name of each field, so there is a bound. Real messages name one or two.
    static let maxNominations = 32
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
        self.nominationStorage = .allocate(capacity: Self.maxNominations)
        self.nominationStorage.initialize(repeating: .empty, count: Self.maxNominations)
    }

    deinit {
        self.storage.deallocate()
        self.nominationStorage.deallocate()
    }

    /// Valid while the section lives.
    var nominations: UnsafeBufferPointer<ByteRange> {
        UnsafeBufferPointer(start: self.nominationStorage, count: self.nominationCount)
    }

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
        self.acceptsTrailers = false
        self.nominated = []
        self.nominationCount = 0
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
                    | FieldName.transferEncoding.bit | FieldName.expect.bit | FieldName.te.bit
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
            self.noteContentLength(value, window)
        case .transferEncoding:
            if self.names.contains(.transferEncoding) { self.contradict(.transferEncodingRepeated) }
            if !window.equals(value, ignoringCase: "chunked") { self.contradict(Self.codingFault(value, window)) }
        case .expect:
            if window.equals(value, ignoringCase: "100-continue") { self.expectsContinue = true }
        case .te:
            var tokens = ListTokens(value)
            while let token = tokens.next(window) {
                if window.equals(token, ignoringCase: "trailers") { self.acceptsTrailers = true }
            }
        default:
            assertionFailure("not a special field")
        }
    }

    private mutating func contradict(_ reason: WireFailure.Reason) {
        if self.contradiction == nil { self.contradiction = reason }
    }

    private mutating func noteConnection(_ value: ByteRange, _ window: Window) {
        var tokens = ListTokens(value)
        while let token = tokens.next(window) {
            let option = Self.option(token, window)
            self.connection.insert(option)
            if option == .nominates { self.nominate(token, window) }
        }
    }

    private mutating func nominate(_ token: ByteRange, _ window: Window) {
        let start = Int(token.start)
        // What is no name names no field.
        guard let id = window.fieldName(at: start, count: Int(token.count), first: window.word(at: start)) else {
            return
        }
        self.nominated.insert(id)
        guard FieldName.kinds.contains(id) else { return }
        guard self.nominationCount < Self.maxNominations else { return self.contradict(.nominationsTooMany) }
        self.nominationStorage[self.nominationCount] = token
        self.nominationCount &+= 1
    }

    /// What is wrong with a Transfer-Encoding that is not `chunked`: its codings are unknown here, or it cannot tell
    /// where the body ends (RFC 9112 sections 6.1 and 6.3).
    private static func codingFault(_ value: ByteRange, _ window: Window) -> WireFailure.Reason {
        var tokens = ListTokens(value)
        var isChunked = false
        var count = 0
        while let token = tokens.next(window) {
            if isChunked { return .transferEncodingInvalid }
            isChunked = window.equals(token, ignoringCase: "chunked")
            count &+= 1
        }
        return count == 0 || count == 1 && isChunked ? .transferEncodingInvalid : .transferEncodingUnknown
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
        // The same length twice is one length (RFC 9110 section 8.6): what is passed on is written anew, once.
        if self.contentLength >= 0, self.contentLength != length { self.contradict(.contentLengthRepeated) }
        self.contentLength = length
    }
}
