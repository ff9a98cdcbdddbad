import Foundation
import Glibc

/// A process that a worker consists of.
struct WorkerProcessFacts: Hashable {
    let pid: pid_t
    /// The one that was started; others are its children.
    let isLeader: Bool
}

extension Scene {
    /// All processes of workers that run, whoever started them, as the system knows them.
    var workerProcesses: Set<WorkerProcessFacts> {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        let facts = entries.compactMap { pid_t($0) }.compactMap { pid -> WorkerProcessFacts? in
            let variables = RunningProcess.text("/proc/\(pid)/environ").split(separator: "\0")
            guard variables.contains(where: { $0.hasPrefix("SLUICE_WORKER=") && $0.contains(self.folder) }) else {
                return nil
            }
            // Behind the name: state, parent, group, session.
            let words = RunningProcess.text("/proc/\(pid)/stat").split(separator: ")").last?.split(separator: " ")
            guard let words, words.count > 3, words[0] != "Z" else { return nil }
            return WorkerProcessFacts(pid: pid, isLeader: pid_t(words[3]) == pid)
        }
        return Set(facts)
    }

    /// The workers, each by the process that was started for it.
    var workerPIDs: Set<pid_t> { Set(self.workerProcesses.filter(\.isLeader).map(\.pid)) }
}
