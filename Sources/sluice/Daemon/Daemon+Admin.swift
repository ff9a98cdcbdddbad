import AdminAPI
import Admission
import Controller
import EventLoop
import Gateway
import Observability
import Primitives
import Reports
import SharedState

/// A process's access to rooms for what an operator asks of them.
struct OperatedRooms {
    let store: any RoomStore
    let journal: any RoomJournal
}

/// The pages and actions of the admin listener.
extension Daemon {
    /// A loop that has not turned for so long is told of.
    private static let livenessNanoseconds = Nanoseconds.perSecond
    /// Entries of one page of a journal.
    private static let mostJournalRecords = 1_000

    var adminRoutes: [AdminRoute] {
        [
            .liveness { [weak self] answer in self?.checkLiveness(answer) },
            .metrics { [weak self] answer in self?.writeMetrics(answer) },
            .status { [weak self] answer in self?.writeStatus(answer) },
            .question("/rooms/*/journal") { [weak self] in self?.readJournal($0, $1) },
            .action("/rooms/*/reset") { [weak self] in self?.resetRoom($0, $1) },
            .question("/pools/*/decisions") { [weak self] in self?.readDecisions($0, $1) },
            .action("/pools/*/mode") { [weak self] in self?.setMode($0, $1) },
            .action("/pools/*/retire") { [weak self] in self?.retireWorker($0, $1) },
        ] + AdminRoute.readiness { [weak self] answer in answer(self?.readiness ?? .fine) }
    }

    /// In one process with a gateway, that is what takes traffic; the controller's problems are told all the same.
    var readiness: Readiness {
        guard var readiness = self.gateway?.readiness else {
            guard self.phase == .running, let controller = self.controller else {
                return Readiness(ready: false, mode: "normal", problems: ["starting, or shutting down"])
            }
            return self.withReload(controller.readiness)
        }
        readiness.problems += (self.certificates?.problems ?? []) + (self.workerTLS?.problems ?? [])
        readiness.problems += self.controller?.problems ?? []
        return self.withReload(readiness)
    }

    private func withReload(_ readiness: Readiness) -> Readiness {
        var readiness = readiness
        if let problem = self.reloads.problem { readiness.problems.insert(problem, at: 0) }
        return readiness
    }

    // MARK: Liveness

    /// Every loop is asked to turn. What the process can reach is no part of it.
    private func checkLiveness(_ completion: @escaping ([String]) -> Void) {
        let check = LivenessCheck(count: self.loops.count, completion)
        let patience = self.home.after(nanoseconds: Self.livenessNanoseconds) { check.end() }
        check.timer = patience
        let back = LoopBound(check, loop: self.home)
        for (index, loop) in self.loops.enumerated() {
            loop.submit { back.submit { $0.turned(index) } }
        }
    }

    /// Which loops have turned.
    private final class LivenessCheck {
        private var missing: Set<Int>
        private var completion: (([String]) -> Void)?
        var timer: LoopTimer?

        init(count: Int, _ completion: @escaping ([String]) -> Void) {
            self.missing = Set(0..<count)
            self.completion = completion
        }

        func turned(_ index: Int) {
            self.missing.remove(index)
            if self.missing.isEmpty { self.end() }
        }

        func end() {
            guard let completion = self.completion else { return }
            self.completion = nil
            self.timer?.disarm()
            self.timer = nil
            completion(self.missing.sorted().map { "loop \($0) does not turn" })
        }
    }

    // MARK: Rooms

    private func room(_ question: AdminQuestion) -> Result<OperatedRooms, AdminProblem> {
        let known = self.settings.rooms.map(\.name)
        guard known.contains(question.name) else {
            return .failure(AdminProblem(status: 404, "there is no room \(question.name)", known: known))
        }
        guard let operated = self.operated else { return .failure(AdminProblem(status: 503, "starting")) }
        return .success(operated)
    }

    private func readJournal(
        _ question: AdminQuestion,
        _ completion: @escaping (Result<[UInt8], AdminProblem>) -> Void
    ) {
        switch self.room(question) {
        case .failure(let problem): completion(.failure(problem))
        case .success(let operated):
            let count = question.values["count"].flatMap { Int($0) } ?? Self.mostJournalRecords
            operated.journal.read(
                room: question.name,
                after: question.values["after"],
                count: min(max(1, count), Self.mostJournalRecords)
            ) { result in
                completion(result.map { $0.records.flatMap { JournalLine.bytes($0) } }.mapError { AdminProblem($0) })
            }
        }
    }

    private func resetRoom(
        _ question: AdminQuestion,
        _ completion: @escaping (Result<[UInt8], AdminProblem>) -> Void
    ) {
        switch self.room(question) {
        case .failure(let problem): completion(.failure(problem))
        case .success(let operated):
            operated.store.reset(room: question.name, known: .nothing) { result in
                if case .success(let line) = result {
                    self.log.notice(
                        "the room was reset: a new line begins, and all places and passes are void",
                        metadata: ["room": "\(question.name)", "epoch": "\(line.epoch)"]
                    )
                }
                completion(
                    result.map { line in
                        var json = JSONWriter()
                        json.beginObject()
                        json.member("room", question.name)
                        json.member("epoch", line.epoch)
                        json.endObject()
                        return json.finished() + [0x0A]
                    }.mapError { AdminProblem(resetting: $0) }
                )
            }
        }
    }
}

extension AdminProblem {
    /// Whoever asked for a reset has to know whether it may have happened.
    fileprivate init(resetting error: StoreError) {
        switch error {
        case .unanswered(let reason): self.init(status: 503, "\(reason). \(ResetDoubt.words)")
        case .unavailable(let reason), .notNow(let reason):
            self.init(status: 503, "\(reason). Nothing was done: ask again later")
        case .noRoom, .refused, .lineFull: self.init(error)
        }
    }

    init(_ error: StoreError) {
        switch error {
        case .noRoom: self.init(status: 404, "the shared state has no such room yet")
        case .refused(let reason): self.init(status: 400, reason)
        case .unavailable, .notNow, .unanswered, .lineFull: self.init(status: 503, "\(error)")
        }
    }
}
