import Primitives
import Settings

/// The files for TLS with the workers of one pool: when they are to be read, and whether what was read is in force. A
/// value, which asks no disk.
public struct WorkerTLSFiles: Sendable {
    public let tls: WorkerTLSSettings
    /// To be loaded whatever the files look like.
    public private(set) var isAsked = true
    private var stamps = FileStamps(read: [:])
    private var reading = RepeatedReading()
    /// These settings have been loaded once.
    private var isInForce = false

    /// Nothing of these settings is in force yet.
    public init(_ tls: WorkerTLSSettings) { self.tls = tls }

    /// The settings have been read again, in the same words. What is in force as it is stays: new contexts would cost all
    /// workers their connections, amid a sale.
    public mutating func ask() {
        if self.reading.problem != nil { self.isAsked = true }
    }

    // MARK: Looking

    /// One look at the files, for the thread that reads them.
    public struct Look: Sendable {
        public let tls: WorkerTLSSettings
        fileprivate var stamps: FileStamps
        fileprivate let isAsked: Bool
        /// What was found before could not be used, and it is time to try again.
        fileprivate let isDue: Bool
        fileprivate var isRepeated = false

        /// True when the files are to be read; `sight` is of before that: what is written meanwhile makes another one.
        public mutating func looked(_ sight: FileStamps.Sight) -> Bool {
            let hasChanged = self.stamps.looked(sight)
            if self.isAsked { self.stamps = FileStamps(read: sight) }
            let isNew = hasChanged || self.isAsked
            self.isRepeated = !isNew
            return isNew || self.isDue
        }
    }

    /// What is asked for from here on is for the next look.
    public mutating func look(now: Instant) -> Look {
        defer { self.isAsked = false }
        return Look(
            tls: self.tls,
            stamps: self.stamps,
            isAsked: self.isAsked,
            isDue: self.reading.isDue(now: now)
        )
    }

    /// The look has found nothing to read.
    public mutating func foundNothing(_ look: Look) { self.stamps = look.stamps }

    /// What the look has read is in force.
    public mutating func loaded(_ look: Look) {
        self.stamps = look.stamps
        self.reading.succeed()
        self.isInForce = true
    }

    /// What the look has read cannot be used. Words for the log; nil when they have been said.
    public mutating func refused(_ look: Look, _ problem: String, now: Instant) -> String? {
        self.stamps = look.stamps
        guard self.reading.fail(problem, now: now, isRepeated: look.isRepeated) else { return nil }
        return self.isInForce
            ? "TLS with workers: new files are refused; the ones before stay in force"
            : "TLS with workers: the files cannot be used, and nothing of these settings is in force yet"
    }

    /// What an operator has to do something about.
    public var problem: String? {
        self.reading.problem.map { problem in
            let state =
                self.isInForce
                ? "new files were refused, the ones before are in force"
                : "the files cannot be used, and nothing of these settings is in force yet; they are read again every "
                    + "30 seconds, and with every reload"
            return "\(state): \(problem)"
        }
    }
}
