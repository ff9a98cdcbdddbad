import Glibc

/// Whether this process can write files to a folder.
public enum FolderAccess {
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
        public init(description: String) { self.description = description }
    }

    /// What is in the way, in words; nil when nothing is.
    public static func problem(of path: String) -> String? {
        var status = stat()
        guard stat(path, &status) != -1 else {
            return errno == ENOENT
                ? "there is no folder \(path)" : "\(path) cannot be looked at: \(SystemError.message(code: errno))"
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { return "\(path) is not a folder" }
        guard access(path, W_OK | X_OK) != -1 else {
            return "\(path) cannot be written to: \(SystemError.message(code: errno))"
        }
        return nil
    }
}
