import Foundation
import Glibc

/// What the kernel says of one process.
struct ProcessWatch {
    let pid: Int32

    /// Zero when the process is gone.
    var residentBytes: Int {
        guard let data = FileManager.default.contents(atPath: "/proc/\(self.pid)/statm") else { return 0 }
        let pages = String(decoding: data, as: UTF8.self).split(separator: " ")
        return pages.count > 1 ? (Int(pages[1]) ?? 0) * Int(getpagesize()) : 0
    }

    /// Open descriptors.
    var descriptorCount: Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(self.pid)/fd").count) ?? 0
    }

    /// Its children that are sample workers.
    var workers: [ProcessTable.Entry] {
        ProcessTable().descendants(of: self.pid).filter { entry in
            let command = FileManager.default.contents(atPath: "/proc/\(entry.pid)/cmdline") ?? Data()
            return command.split(separator: 0).dropFirst().first.map { String(decoding: $0, as: UTF8.self) } == "worker"
        }
    }
}
