import Foundation
import Glibc

/// The Python that has other people's clients and servers, as `Config/setup test` makes it.
enum ForeignPython {
    static func find() throws -> String {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let path = root.appendingPathComponent(".build/venv-test/bin/python").path
        guard access(path, X_OK) == 0 else { throw Disappointment("there is no \(path): run `Config/setup test`") }
        return path
    }
}
