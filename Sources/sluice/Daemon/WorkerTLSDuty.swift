import Dispatch
import EventLoop
import Gateway
import Logging
import Settings
import SettingsFile
import Transport

/// A gateway's duty towards TLS with its workers: loads the authorities and certificates that pools name, looks at their
/// files every other second, and hands what is new to the gateway. A new file that cannot be used leaves the old one in
/// force.
///
/// Lives on the home loop; files are read and contexts made on a thread of their own.
final class WorkerTLSDuty {
    /// Gets a context for each loop.
    typealias Secure = (_ pool: String, _ contexts: [TLSContext]) -> Void

    /// One pool with workers that are written with https.
    private struct Charge {
        var tls: WorkerTLSSettings
        var stamps: FileStamps
        /// Why the files as they were last read are not in force.
        var problem: String?
        /// Loaded whatever the files look like: nothing of these settings is in force yet.
        var isAsked = true
    }

    private let loopCount: Int
    private let home: EventLoop
    private let log: Logger
    private let secure: Secure
    private var charges: [String: Charge] = [:]
    private var timer: LoopTimer?
    private var isLooking = false
    private var isOver = false

    private static let reader = DispatchQueue(label: "sluice.worker-certificates", qos: .utility)

    /// `secure` is called on the home loop.
    init(loopCount: Int, home: EventLoop, log: Logger, secure: @escaping Secure) {
        self.loopCount = loopCount
        self.home = home
        self.log = log
        self.secure = secure
    }

    /// The settings, at the start and whenever they have been read again.
    func apply(_ settings: Settings) {
        guard !self.isOver else { return }
        var charges: [String: Charge] = [:]
        for pool in settings.pools where pool.usesTLS {
            let known = self.charges[pool.name].flatMap { $0.tls == pool.tls ? $0 : nil }
            // What stays as it is stays in force: new contexts would cost all workers their connections, amid a sale.
            charges[pool.name] = known ?? Charge(tls: pool.tls, stamps: FileStamps(read: [:]))
        }
        self.charges = charges
        guard !charges.isEmpty else {
            self.timer?.disarm()
            return self.timer = nil
        }
        if self.timer == nil {
            self.timer = LoopTimer(loop: self.home) { [weak self] in self?.timerFired() }
            self.timerFired()
        } else {
            self.look()
        }
    }

    func stop() {
        self.isOver = true
        self.timer?.disarm()
        self.timer = nil
    }

    private func timerFired() {
        self.timer?.arm(afterNanoseconds: CertificateDuty.lookNanoseconds)
        self.look()
    }

    // MARK: Looking

    /// What the reading thread takes along for one pool.
    private struct Look: Sendable {
        let pool: String
        let tls: WorkerTLSSettings
        var stamps: FileStamps
        let isAsked: Bool
    }

    private struct Sighting: Sendable {
        let look: Look
        /// Nil when there is nothing new.
        let outcome: Outcome?
    }

    private enum Outcome: Sendable {
        case loaded([TLSContext])
        case refused(String)
    }

    /// One look at a time: what is asked for meanwhile is looked for by the next one.
    private func look() {
        guard !self.isLooking, !self.isOver else { return }
        self.isLooking = true
        let looks = self.charges.sorted { $0.key < $1.key }.map { pool, charge in
            Look(pool: pool, tls: charge.tls, stamps: charge.stamps, isAsked: charge.isAsked)
        }
        for pool in self.charges.keys { self.charges[pool]?.isAsked = false }
        let duty = LoopBound(self, loop: self.home)
        Self.reader.async { [loopCount = self.loopCount] in
            let sightings = looks.map { Self.sighting($0, loopCount) }
            duty.submit { $0.take(sightings) }
        }
    }

    private static func sighting(_ look: Look, _ loopCount: Int) -> Sighting {
        var look = look
        // Before the files are read: what is written while they are makes another sight.
        var sight: FileStamps.Sight = [:]
        for file in look.tls.files { sight[file] = FileStamp(ofFile: file) }
        let hasChanged = look.stamps.looked(sight)
        if look.isAsked { look.stamps = FileStamps(read: sight) }
        guard hasChanged || look.isAsked else { return Sighting(look: look, outcome: nil) }
        do {
            return Sighting(
                look: look,
                outcome: .loaded(try WorkerCertificates.contexts(of: look.tls, count: loopCount))
            )
        } catch {
            return Sighting(look: look, outcome: .refused("\(error)"))
        }
    }

    private func take(_ sightings: [Sighting]) {
        self.isLooking = false
        guard !self.isOver else { return }
        for sighting in sightings {
            let pool = sighting.look.pool
            // Settings that have changed meanwhile are loaded by the next look.
            guard let charge = self.charges[pool], charge.tls == sighting.look.tls else { continue }
            self.charges[pool]?.stamps = sighting.look.stamps
            switch sighting.outcome {
            case nil: break
            case .loaded(let contexts):
                self.charges[pool]?.problem = nil
                self.secure(pool, contexts)
                self.log.info("TLS with workers: new connections use these files", metadata: ["pool": "\(pool)"])
            case .refused(let problem):
                self.charges[pool]?.problem = problem
                self.log.error(
                    "TLS with workers: new files are refused; the ones before stay in force",
                    metadata: ["pool": "\(pool)", "reason": "\(problem)"]
                )
            }
        }
        if self.charges.values.contains(where: \.isAsked) { self.look() }
    }

    /// What an operator has to do something about.
    var problems: [String] {
        self.charges.sorted { $0.key < $1.key }.compactMap { pool, charge in
            charge.problem.map {
                "pools.\(pool).tls: new files were refused, the ones before are in force: \($0)"
            }
        }
    }
}
