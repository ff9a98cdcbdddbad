/// A waiting room: whom it lets in, how fast, and for how long. Times are microseconds, as on the admission side.
public struct RoomSettings: Equatable, Sendable {
    /// Languages that the waiting page is written in.
    public enum Language: String, CaseIterable, Sendable { case en }

    public var name: String
    /// Live sessions at once.
    public var slots: Int64
    /// Exchanges, in thousandths a second. 0 holds everybody.
    public var inflowMilli: Int64
    /// Exchanges that may come at once after a pause.
    public var burst: Int64 = 40
    public var sessionMicros: Int64 = .seconds(600) / 1000
    /// How long a called visitor keeps the right to come.
    public var claimWindowMicros: Int64 = .seconds(300) / 1000
    /// How far ahead visitors are called: the time between two looks of the people at the front.
    public var horizonMicros: Int64 = .seconds(2) / 1000
    /// Since 1970. Nil: the room is open. Until then everybody waits in line.
    public var opensAtMicros: Int64?
    /// The heading of the waiting page; nil shows the room's name.
    public var title: String?
    public var language = Language.en
    /// A browser asks by OPTIONS whether it may send a request at all, and sends no cookies with it: such a question
    /// goes through without a place, and takes none.
    public var passesPreflight = true
    /// What a place and a pass are tied to.
    public var binding = VisitorBinding.none
    /// What one visitor may use of one gateway at once.
    public var perVisitor = VisitorLimitSettings()
    /// How long the shared state keeps the room after the last gateway that has it has gone.
    public var retentionMicros: Int64 = .hours(7 * 24) / 1000
    /// How long the journal keeps an entry, and how many.
    public var journalMicros: Int64 = .hours(7 * 24) / 1000
    public var journalEntries = 100_000
    /// The folder that entries are written to before the shared state drops them; nil writes none.
    public var journalFolder: String?

    public init(name: String, slots: Int64, inflowMilli: Int64) {
        self.name = name
        self.slots = slots
        self.inflowMilli = inflowMilli
    }
}

extension RoomSettings {
    /// How often a gateway moves a room on.
    public static let ticksPerSecond: Int64 = 10

    /// The room's bucket holds no more than its burst, and a gateway empties it for those who wait once a tick: what
    /// came in between is lost. Other gateways, and visitors who come just then, empty it too, but nobody can count on
    /// that.
    var burstNotice: String? {
        let reachedMilli = self.burst * Self.ticksPerSecond * 1_000
        guard reachedMilli < self.inflowMilli else { return nil }
        let needed = (self.inflowMilli + Self.ticksPerSecond * 1_000 - 1) / (Self.ticksPerSecond * 1_000)
        return
            "rooms.\(self.name).burst: \(self.burst) is less than a tick of 100 ms lets in: one gateway may reach only "
            + "\(RateText.format(reachedMilli)) of the inflow of \(RateText.format(self.inflowMilli)) while people wait; "
            + "make it at least \(needed)"
    }
}

extension RoomSettings: NamedSettingsSection {
    package init() { self.init(name: "", slots: 1, inflowMilli: 1000) }

    package static let slotCounts = 1...10_000_000
    // Admission reckons in nano-tokens below 2^53: hence the upper bounds of rate and burst.
    package static let inflowsMilli: ClosedRange<Int64> = 0...100_000_000
    /// In nanoseconds.
    package static let sessionLengths: ClosedRange<Int64> = .seconds(1)...(.hours(24))
    package static let journalLengths = 1_000...10_000_000

    private var narrowSlots: Int {
        get { Int(self.slots) }
        set { self.slots = Int64(newValue) }
    }
    private var narrowBurst: Int {
        get { Int(self.burst) }
        set { self.burst = Int64(newValue) }
    }

    package static var fields: [SettingsField<Self>] {
        [
            .value("slots", \.narrowSlots, .count(Self.slotCounts), .live, isRequired: true),
            .value("inflow", \.inflowMilli, .rate(Self.inflowsMilli), .live, isRequired: true),
            .value("burst", \.narrowBurst, .count(1...1_000_000), .live),
            .value("session_length", \.sessionMicros, .durationMicros(Self.sessionLengths), .live),
            .value("claim_window", \.claimWindowMicros, .durationMicros(.seconds(1)...(.hours(24))), .live),
            .value("horizon", \.horizonMicros, .durationMicros(.milliseconds(100)...(.minutes(1))), .live),
            .value("opens_at", \.opensAtMicros, .either("null", or: .time), .live),
            .value("title", \.title, .either("null", or: .text("a text", maxBytes: 200)), .live),
            .value("language", \.language, .word, .live),
            .value("cors_preflight", \.passesPreflight, .flag, .live),
            .value("bind", \.binding, .binding, .live),
            .section("per_visitor", \.perVisitor),
            .value("retention", \.retentionMicros, .durationMicros(.hours(1)...(.hours(366 * 24))), .live),
            .value("journal_keep", \.journalMicros, .durationMicros(.minutes(1)...(.hours(366 * 24))), .live),
            .value("journal_entries", \.journalEntries, .count(Self.journalLengths), .live),
            .value("journal_export", \.journalFolder, .either("null", or: .path), .live),
        ]
    }

    package static func check(_ room: Self, at path: String, _ findings: inout Findings) {
        guard room.claimWindowMicros < room.horizonMicros else { return }
        findings.reportContradiction(
            path + ".claim_window",
            with: [path + ".horizon"],
            "\(DurationText.format(room.claimWindowMicros * 1000)) is shorter than horizon, which is "
                + "\(DurationText.format(room.horizonMicros * 1000)): visitors would lose the turn before they ask again"
        )
    }
}
