import Dispatch
import EventLoop
import Gateway
import Logging
import Settings
import SettingsFile
import Transport

/// A gateway's duty towards TLS with its workers: loads the authorities and certificates that pools name, looks at their
/// files every other second, and hands what is new to the gateway. A new file that cannot be used leaves the old one in
/// force; what cannot be used is read again from time to time.
///
/// Lives on the home loop; files are read and contexts made on a thread of their own.
final class WorkerTLSDuty {
    /// Gets a context for each loop, and what they were made of.
    typealias Secure = (_ pool: String, _ contexts: [TLSContext], _ tls: WorkerTLSSettings) -> Void

    private let loopCount: Int
    private let home: EventLoop
    private let log: Logger
    private let secure: Secure
    /// By pool that has workers which are written with https.
    private var charges: [String: WorkerTLSFiles] = [:]
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
        var charges: [String: WorkerTLSFiles] = [:]
        for pool in settings.pools where pool.usesTLS {
            var known = self.charges[pool.name].flatMap { $0.tls.hasSameFiles(as: pool.tls) ? $0 : nil }
            known?.ask()
            charges[pool.name] = known ?? WorkerTLSFiles(pool.tls)
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

    /// What the reading thread brings back for one pool.
    private struct Sighting: Sendable {
        let pool: String
        let look: WorkerTLSFiles.Look
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
        let now = self.home.now
        var looks: [(pool: String, look: WorkerTLSFiles.Look)] = []
        for pool in self.charges.keys.sorted() {
            if let look = self.charges[pool]?.look(now: now) { looks.append((pool, look)) }
        }
        let duty = LoopBound(self, loop: self.home)
        Self.reader.async { [looks, loopCount = self.loopCount] in
            let sightings = looks.map { Self.sighting($0.pool, $0.look, loopCount) }
            duty.submit { $0.take(sightings) }
        }
    }

    private static func sighting(_ pool: String, _ look: WorkerTLSFiles.Look, _ loopCount: Int) -> Sighting {
        var look = look
        var sight: FileStamps.Sight = [:]
        for file in look.tls.files { sight[file] = FileStamp(ofFile: file) }
        guard look.looked(sight) else { return Sighting(pool: pool, look: look, outcome: nil) }
        let outcome: Outcome
        do {
            outcome = .loaded(try WorkerCertificates.contexts(of: look.tls, count: loopCount))
        } catch {
            outcome = .refused("\(error)")
        }
        return Sighting(pool: pool, look: look, outcome: outcome)
    }

    private func take(_ sightings: [Sighting]) {
        self.isLooking = false
        guard !self.isOver else { return }
        for sighting in sightings {
            let (pool, look) = (sighting.pool, sighting.look)
            // Settings that have changed meanwhile are loaded by the next look.
            guard self.charges[pool]?.tls == look.tls else { continue }
            switch sighting.outcome {
            case nil: self.charges[pool]?.foundNothing(look)
            case .loaded(let contexts):
                self.charges[pool]?.loaded(look)
                self.secure(pool, contexts, look.tls)
                self.log.info("TLS with workers: new connections use these files", metadata: ["pool": "\(pool)"])
            case .refused(let problem):
                guard let words = self.charges[pool]?.refused(look, problem, now: self.home.now) else { continue }
                self.log.error("\(words)", metadata: ["pool": "\(pool)", "reason": "\(problem)"])
            }
        }
        if self.charges.values.contains(where: \.isAsked) { self.look() }
    }

    /// What an operator has to do something about.
    var problems: [String] {
        self.charges.sorted { $0.key < $1.key }.compactMap { pool, files in
            files.problem.map { "pools.\(pool).tls: \($0)" }
        }
    }
}
