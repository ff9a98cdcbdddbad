import Dispatch
import EventLoop
import Gateway
import Logging
import Observability
import Primitives
import Reports
import Settings
import SettingsFile
import Transport

/// A gateway's duty towards its certificates: loads them at the start, looks at their files every other second, hands new
/// ones to the gateway, and tells when one is about to expire. A new file that cannot be used leaves the old one in
/// force, and is read again from time to time.
///
/// Lives on the home loop; files are read and contexts made on a thread of their own.
final class CertificateDuty {
    static let lookNanoseconds = 2 * Nanoseconds.perSecond

    /// Gets a context for each loop, and the listener's place in the settings.
    typealias Renew = (_ contexts: [TLSContext], _ number: Int) -> Void

    /// One listener with TLS.
    private struct Charge {
        let listener: GatewayListener
        var settings: ListenSettings
        var identity: ServerIdentity
        var stamps: FileStamps
        /// Whether the files as they were last read are in force, and else why not.
        var reading = RepeatedReading()
        /// The settings have been read again: whatever the files look like, they are loaded.
        var isAsked = false

        var place: String { CertificateDuty.place(self.listener.number) }
    }

    let listeners: [GatewayListener]
    private let loopCount: Int
    private let home: EventLoop
    private let log: Logger
    private let stateFolder: String
    private var charges: [Charge] = []
    private var expiry = CertificateExpiry()
    private var timer: LoopTimer?
    private var renew: Renew?
    private var isLooking = false
    private var isOver = false
    private var renewedCount = 0
    private var refusedCount = 0

    private static let reader = DispatchQueue(label: "sluice.certificates", qos: .utility)

    /// Loads what the listeners show; blocks on the disk. The state folder is there.
    init(_ settings: Settings, loopCount: Int, home: EventLoop, log: Logger) throws {
        self.loopCount = loopCount
        self.home = home
        self.log = log
        self.stateFolder = settings.stateFolder
        if settings.listeners.contains(where: { $0.tls == .selfSigned }) {
            try SelfSignedFiles(stateFolder: settings.stateFolder).make()
        }
        var listeners: [GatewayListener] = []
        for (number, listener) in settings.listeners.enumerated() {
            let stamps = FileStamps(read: Self.sight(of: listener, settings.stateFolder))
            let identity = try ServerCertificates.identity(
                of: listener,
                at: Self.place(number),
                stateFolder: settings.stateFolder
            )
            let made = GatewayListener(
                number: number,
                address: listener.address,
                identity: identity,
                tickets: listener.tickets
            )
            listeners.append(made)
            guard let identity else { continue }
            self.charges.append(Charge(listener: made, settings: listener, identity: identity, stamps: stamps))
        }
        self.listeners = listeners
    }

    private static func place(_ number: Int) -> String { "listen[\(number)]" }

    /// Everything that the listener's TLS is made from.
    private static func sight(of listener: ListenSettings, _ stateFolder: String) -> FileStamps.Sight {
        var paths =
            listener.tls.map { ServerCertificates.files(of: $0, stateFolder: stateFolder) }?.flatMap(\.paths) ?? []
        if let authority = listener.clientAuthority { paths.append(authority) }
        var sight: FileStamps.Sight = [:]
        for path in paths { sight[path] = FileStamp(ofFile: path) }
        return sight
    }

    // MARK: Running

    /// From here on `renew` is called on the home loop whenever a listener has something new to show.
    func start(_ renew: @escaping Renew) {
        guard !self.charges.isEmpty else { return }
        self.renew = renew
        self.timer = LoopTimer(loop: self.home) { [weak self] in self?.timerFired() }
        self.timerFired()
    }

    func stop() {
        self.isOver = true
        self.timer?.disarm()
        self.timer = nil
    }

    /// Settings have been read again, perhaps with the same words and other files: those are loaded now.
    func apply(_ settings: Settings) {
        for index in self.charges.indices {
            self.charges[index].settings = settings.listeners[self.charges[index].listener.number]
            self.charges[index].isAsked = true
        }
        if self.timer != nil { self.look() }
    }

    private func timerFired() {
        self.timer?.arm(afterNanoseconds: Self.lookNanoseconds)
        let now = Timestamp.wallMicros() / 1_000_000
        for words in self.expiry.due(self.notices, now: now) { self.log.warning("\(words)") }
        self.look()
    }

    // MARK: Looking

    /// What the reading thread takes along for one listener.
    private struct Look: Sendable {
        let listener: GatewayListener
        let settings: ListenSettings
        var stamps: FileStamps
        let isAsked: Bool
        /// What was found before could not be used, and it is time to try again.
        let isRepeated: Bool
    }

    private struct Sighting: Sendable {
        let number: Int
        let stamps: FileStamps
        /// Nothing was new, but what was found before could not be used.
        let isRepeated: Bool
        /// Nil when there is nothing new.
        let outcome: Outcome?
    }

    private enum Outcome: Sendable {
        case loaded(ServerIdentity, [TLSContext])
        case refused(String)
    }

    /// One look at a time: what is asked for meanwhile is looked for by the next one.
    private func look() {
        guard !self.isLooking, !self.isOver else { return }
        self.isLooking = true
        let now = self.home.now
        let looks = self.charges.map { charge in
            Look(
                listener: charge.listener,
                settings: charge.settings,
                stamps: charge.stamps,
                isAsked: charge.isAsked,
                isRepeated: charge.reading.isDue(now: now)
            )
        }
        for index in self.charges.indices { self.charges[index].isAsked = false }
        let duty = LoopBound(self, loop: self.home)
        Self.reader.async { [stateFolder = self.stateFolder, loopCount = self.loopCount] in
            let sightings = looks.map { Self.sighting($0, stateFolder, loopCount) }
            duty.submit { $0.take(sightings) }
        }
    }

    private static func sighting(_ look: Look, _ stateFolder: String, _ loopCount: Int) -> Sighting {
        // Before the files are read: what is written while they are makes another sight.
        let sight = self.sight(of: look.settings, stateFolder)
        var stamps = look.stamps
        let hasChanged = stamps.looked(sight)
        if look.isAsked { stamps = FileStamps(read: sight) }
        let isNew = hasChanged || look.isAsked
        return Sighting(
            number: look.listener.number,
            stamps: stamps,
            isRepeated: !isNew,
            outcome: isNew || look.isRepeated ? self.load(look, stateFolder, loopCount) : nil
        )
    }

    private static func load(_ look: Look, _ stateFolder: String, _ loopCount: Int) -> Outcome? {
        do {
            // A reload may have gone over to it.
            if look.settings.tls == .selfSigned { try SelfSignedFiles(stateFolder: stateFolder).make() }
            let place = self.place(look.listener.number)
            guard
                let identity = try ServerCertificates.identity(
                    of: look.settings,
                    at: place,
                    stateFolder: stateFolder
                )
            else { return nil }
            return .loaded(identity, try (0..<loopCount).map { _ in try look.listener.makeContext(for: identity) })
        } catch {
            return .refused("\(error)")
        }
    }

    private func take(_ sightings: [Sighting]) {
        self.isLooking = false
        guard !self.isOver else { return }
        for (index, sighting) in sightings.enumerated() {
            self.charges[index].stamps = sighting.stamps
            switch sighting.outcome {
            case nil: break
            case .loaded(let identity, let contexts): self.loaded(identity, contexts, index)
            case .refused(let problem): self.refused(problem, index, isRepeated: sighting.isRepeated)
            }
        }
        if self.charges.contains(where: \.isAsked) { self.look() }
    }

    private func loaded(_ identity: ServerIdentity, _ contexts: [TLSContext], _ index: Int) {
        self.charges[index].identity = identity
        self.charges[index].reading.succeed()
        self.renewedCount += 1
        self.renew?(contexts, self.charges[index].listener.number)
        let latest = identity.certificates.map(\.notAfter).min() ?? 0
        self.log.notice(
            "certificates read again: new connections are shown these",
            metadata: ["listener": "\(self.charges[index].place)", "good_until": "\(Self.text(latest))"]
        )
    }

    private func refused(_ problem: String, _ index: Int, isRepeated: Bool) {
        self.refusedCount += 1
        guard self.charges[index].reading.fail(problem, now: self.home.now, isRepeated: isRepeated) else { return }
        self.log.error("new certificates are refused; the ones before stay in force: \(problem)")
    }

    // MARK: What is told

    private var notices: [CertificateExpiry.Notice] {
        self.charges.flatMap { ServerCertificates.expiry(of: $0.identity.certificates, at: "\($0.place).tls") }
    }

    /// What an operator has to do something about.
    var problems: [String] {
        let now = Timestamp.wallMicros() / 1_000_000
        let refusals = self.charges.compactMap(\.reading.problem)
        return refusals.map { "new certificates were refused, the ones before are in force: \($0)" }
            + self.notices.compactMap { $0.words(now: now) }
    }

    var status: [CertificateStatus] {
        self.charges.flatMap { charge in
            charge.identity.certificates.map { one in
                CertificateStatus(
                    listener: charge.place,
                    file: one.files.certificate,
                    names: one.names,
                    notAfter: Self.text(one.notAfter)
                )
            }
        }
    }

    private static func text(_ seconds: Int64) -> String {
        let bounded = min(max(seconds, 0), 253_402_300_799)
        return RFC3339.text(wallMicros: bounded * 1_000_000, fraction: .microsIfAny)
    }

    func write(to text: inout PrometheusText) {
        text.family(
            "sluice_certificate_reads_total",
            .counter,
            help: "Certificates of a listener read again after the start, by outcome."
        )
        text.sample(self.renewedCount, [("outcome", "applied")])
        text.sample(self.refusedCount, [("outcome", "refused")])
        text.family(
            "sluice_certificate_not_after_seconds",
            .gauge,
            help: "When a certificate that is shown expires, in seconds since 1970."
        )
        let certificates = self.ends { ($0.files.certificate, $0.notAfter) }
        for (labels, seconds) in certificates { text.sample(seconds, labels) }
        text.family(
            "sluice_staple_not_after_seconds",
            .gauge,
            help: "When the authority's word on a certificate expires, in seconds since 1970."
        )
        let staples = self.ends { one in one.files.staple.flatMap { file in one.stapleNotAfter.map { (file, $0) } } }
        for (labels, seconds) in staples { text.sample(seconds, labels) }
    }

    private func ends(_ end: (Certificate) -> (file: String, seconds: Int64)?) -> [(PrometheusText.Labels, Int64)] {
        self.charges.flatMap { charge in
            // A file that is named twice has one sample.
            var seen: Set<String> = []
            return charge.identity.certificates.compactMap(end).filter { seen.insert($0.file).inserted }
                .map { ([("listener", charge.place), ("file", $0.file)], $0.seconds) }
        }
    }
}
