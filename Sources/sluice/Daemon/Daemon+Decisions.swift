import AdminAPI
import Controller

/// What the controller of this process decided last.
extension Daemon {
    /// Of one answer: as many as a controller keeps in memory.
    private static let mostDecisions = 900

    func readDecisions(
        _ question: AdminQuestion,
        _ completion: @escaping (Result<[UInt8], AdminProblem>) -> Void
    ) {
        let known = self.settings.pools.map(\.name)
        guard known.contains(question.name) else {
            return completion(
                .failure(AdminProblem(status: 404, "there is no pool \(question.name)", known: known))
            )
        }
        guard let controller = self.controller else {
            return completion(
                .failure(AdminProblem(status: 404, "no controller runs in this process: ask the one that leads"))
            )
        }
        let count = question.values["count"].flatMap { Int($0) } ?? Self.mostDecisions
        let wanted = min(max(1, count), Self.mostDecisions)
        controller.latestDecisions(pool: question.name, count: wanted) { lines in
            guard let lines else {
                return completion(
                    .failure(AdminProblem(status: 409, "this controller stands by: ask the one that leads"))
                )
            }
            completion(.success(lines))
        }
    }
}
