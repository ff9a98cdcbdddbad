import AdminAPI
import EventLoop
import Observability
import Pools
import Primitives
import Settings
import SharedState

/// What an operator asks of a pool.
extension Daemon {
    func setMode(_ question: AdminQuestion, _ completion: @escaping (Result<[UInt8], AdminProblem>) -> Void) {
        let known = self.settings.pools.filter { $0.driver != .static }.map(\.name)
        guard known.contains(question.name) else {
            return completion(
                .failure(AdminProblem(status: 404, "there is no pool \(question.name) that is scaled", known: known))
            )
        }
        guard let board = self.operatedPools else { return completion(.failure(AdminProblem(status: 503, "starting"))) }
        let order: ModeOrder?
        do throws(ModeRequest.Refused) {
            order = try ModeRequest.order(question.values, wallMicros: self.home.wallMicros)
        } catch {
            return completion(.failure(AdminProblem(status: 400, error.description)))
        }
        let mode = order.map { "\($0.mode)" } ?? ModeRequest.configured
        let until = order?.untilMicros.map { RFC3339.text(wallMicros: $0, fraction: .millis) }
        board.setMode(pool: question.name, order: order) { result in
            if case .success = result {
                self.log.notice(
                    "an operator has set a pool's mode",
                    metadata: ["pool": "\(question.name)", "mode": "\(mode)", "until": "\(until ?? "-")"]
                )
            }
            completion(
                result.map {
                    var json = JSONWriter()
                    json.beginObject()
                    json.member("mode", mode)
                    json.member("pool", question.name)
                    if let until { json.member("until", until) }
                    json.endObject()
                    return json.finished() + [0x0A]
                }.mapError { AdminProblem($0) }
            )
        }
    }

    /// Has one worker go, where this process's controller leads.
    func retireWorker(_ question: AdminQuestion, _ completion: (Result<[UInt8], AdminProblem>) -> Void) {
        completion(self.retirement(question))
    }

    private func retirement(_ question: AdminQuestion) -> Result<[UInt8], AdminProblem> {
        let known = self.settings.pools.map(\.name)
        guard known.contains(question.name) else {
            return .failure(AdminProblem(status: 404, "there is no pool \(question.name)", known: known))
        }
        guard let worker = question.values["worker"].flatMap({ PercentCoding.decodedText($0) }), !worker.isEmpty else {
            return .failure(AdminProblem(status: 400, "the query has to name a worker, as worker=ID"))
        }
        guard let controller = self.controller else {
            return .failure(AdminProblem(status: 404, "no controller runs in this process: ask the one that leads"))
        }
        let done = controller.retire(worker, ofPool: question.name)
        switch done {
        case .drains, .drainsAlready:
            var json = JSONWriter()
            json.beginObject()
            json.member("pool", question.name)
            json.member("worker", worker)
            json.member("already", done == .drainsAlready)
            json.endObject()
            return .success(json.finished() + [0x0A])
        case .standsBy: return .failure(AdminProblem(status: 409, "this controller stands by: ask the one that leads"))
        case .tooEarly:
            return .failure(AdminProblem(status: 503, "this controller has just begun to lead: ask again in a moment"))
        case .impossible(let reason):
            return .failure(
                AdminProblem(status: 409, "no worker of the pool \(question.name) can be told to go: \(reason)")
            )
        case .notThatOne(let reason):
            return .failure(
                AdminProblem(status: 409, "\(worker) of the pool \(question.name) cannot be told to go: \(reason)")
            )
        case .unknown(let workers):
            return .failure(
                AdminProblem(status: 404, "the pool \(question.name) has no worker \(worker)", known: workers)
            )
        }
    }
}
