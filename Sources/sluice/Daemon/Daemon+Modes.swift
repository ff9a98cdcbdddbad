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
}
