import Primitives

/// One worker as its controller writes it down for the next one: which process it is, where it listens, what it was
/// started with, and who looks after it.
public struct RegisteredWorker: Equatable, Sendable {
    public enum State: String, CaseIterable, Sendable, Comparable {
        case starting, ready, draining, stopping

        /// In the order in which a worker comes through them.
        public static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }

        private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    }

    /// Unique in the pool, over all controllers.
    public var id: String
    public var process: ProcessIdentity
    public var state: State
    /// When its process began, and when it came into this state, in microseconds since 1970.
    public var startedMicros: Int64
    public var sinceMicros: Int64
    /// A hash of the program, its arguments and its shape.
    public var shape: UInt64
    /// Requests that it serves at once, as it was started; nil: not known.
    public var slots: Int?
    /// The controller that looks after it.
    public var keeper: String
    /// Where its output goes; a path on its own machine.
    public var log: String
    /// Nil until it has told it.
    public var address: String?

    public init(
        id: String,
        process: ProcessIdentity,
        state: State,
        startedMicros: Int64,
        sinceMicros: Int64,
        shape: UInt64,
        slots: Int? = nil,
        keeper: String,
        log: String,
        address: String?
    ) {
        self.id = id
        self.process = process
        self.state = state
        self.startedMicros = startedMicros
        self.sinceMicros = sinceMicros
        self.shape = shape
        self.slots = slots
        self.keeper = keeper
        self.log = log
        self.address = address
    }

    /// Why an entry cannot be read.
    public struct Damage: Error, Equatable, Sendable, CustomStringConvertible {
        public let description: String
    }

    /// `1 STATE STARTED SINCE SHAPE SLOTS PROCESS KEEPER LOG ADDRESS`; the id stands beside it. What is not there is `-`,
    /// and bytes that would break the text up are written as `%` and two hex digits.
    public var encoded: String {
        let fields = [
            "1", self.state.rawValue, String(self.startedMicros), String(self.sinceMicros),
            String(self.shape, radix: 16), self.slots.map { String($0) } ?? "-", Self.escaped(self.process.description),
            Self.escaped(self.keeper), Self.escaped(self.log), self.address.map(Self.escaped) ?? "-",
        ]
        return fields.joined(separator: " ")
    }

    public init(id: String, encoded: some StringProtocol) throws(Damage) {
        let fields = encoded.split(separator: " ", omittingEmptySubsequences: false)
        guard fields.first == "1" else { throw Damage(description: "its version is not 1") }
        guard fields.count == 10 else { throw Damage(description: "it has \(fields.count) parts instead of 10") }
        guard !id.isEmpty else { throw Damage(description: "it has no id") }
        guard let state = State(rawValue: String(fields[1])) else {
            throw Damage(description: "'\(fields[1])' is not a state")
        }
        guard let started = Int64(fields[2]), let since = Int64(fields[3]), started >= 0, since >= 0 else {
            throw Damage(description: "'\(fields[2])' and '\(fields[3])' are not times")
        }
        guard let shape = UInt64(fields[4], radix: 16) else {
            throw Damage(description: "'\(fields[4])' is not a hash")
        }
        let slots = Int(fields[5])
        guard fields[5] == "-" || (slots ?? 0) > 0 else {
            throw Damage(description: "'\(fields[5])' is not a number of slots")
        }
        guard let process = PercentCoding.decodedText(fields[6]).flatMap({ ProcessIdentity($0) }) else {
            throw Damage(description: "'\(fields[6])' is not a process")
        }
        guard let keeper = PercentCoding.decodedText(fields[7]), let log = PercentCoding.decodedText(fields[8]),
            let address = PercentCoding.decodedText(fields[9])
        else { throw Damage(description: "a % is not followed by two hex digits") }
        self.init(
            id: id,
            process: process,
            state: state,
            startedMicros: started,
            sinceMicros: since,
            shape: shape,
            slots: slots,
            keeper: keeper,
            log: log,
            address: fields[9] == "-" ? nil : address
        )
    }

    static func escaped(_ text: String) -> String {
        // A lone dash stands for nothing.
        if text == "-" { return "%2D" }
        return PercentCoding.encoded(text) { $0 > 0x20 && $0 != 0x7F }
    }
}
