import Controller
import Glibc
import Settings

/// What a file names and this machine does not have. It may be checked on another machine than the one that will run it:
/// so these are notices, and no errors.
enum MachineNotices {
    static func of(_ settings: Settings) -> [String] {
        var notices: [String] = []
        for pool in settings.pools {
            for (key, name) in self.programs(pool) where !self.isThere(name) {
                notices.append("pools.\(pool.name).\(key): there is no program \(name) on this machine")
            }
            if let problem = ClusterCheck.problem(of: pool) {
                notices.append("pools.\(pool.name).driver: on this machine, \(problem)")
            }
        }
        return notices
    }

    private static func programs(_ pool: PoolSettings) -> [(key: String, name: String)] {
        let commands: [(String, [String])]
        switch pool.driver {
        case .process: commands = [("command", pool.command)]
        case .command:
            let cloud = pool.cloud
            commands = [("cloud.scale", cloud.scale), ("cloud.list", cloud.list), ("cloud.retire", cloud.retire)]
        case .static, .kubernetes, .keda: commands = []
        }
        return commands.compactMap { key, words in words.first.map { (key, $0) } }
    }

    /// As a shell finds it.
    private static func isThere(_ name: String) -> Bool {
        guard !name.contains("/") else { return access(name, X_OK) == 0 }
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        return path.split(separator: ":").contains { access("\($0)/\(name)", X_OK) == 0 }
    }
}
