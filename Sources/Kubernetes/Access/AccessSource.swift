import Glibc

extension ClusterAccess {
    /// Where access is written down, to be read again when that has changed.
    public enum Source: Sendable {
        /// `kubectl`'s own file; without a context its current one.
        case kubeconfig(path: String, context: String?)
        /// What a pod finds in its own folder.
        case serviceAccount
        case given(ClusterAccess)

        public func read() throws(Problem) -> ClusterAccess {
            switch self {
            case .kubeconfig(let path, let context): try Kubeconfig.load(path: path, context: context)
            case .serviceAccount: try ClusterAccess.inCluster()
            case .given(let access): access
            }
        }

        /// Besides those that what it says names in turn.
        var files: [String] { if case .kubeconfig(let path, _) = self { [path] } else { [] } }
    }

    /// What a client is made from. A file of a token is not among them: that is read with every call.
    var files: [String] {
        var materials = [self.authority]
        if case .certificate(let certificate, let key) = self.credentials { materials += [certificate, key] }
        return materials.compactMap { if case .file(let path)? = $0 { path } else { nil } }
    }
}

/// Which version of a file there is, without a look into it. Links are followed: a cluster changes a pod's files by
/// pointing a link elsewhere.
struct FileStamp: Equatable {
    private let device, node: UInt64
    private let bytes: Int64
    private let changed: [Int]

    /// Nil when there is no such file, or none that may be looked at.
    init?(_ path: String) {
        var information = stat()
        guard stat(path, &information) == 0 else { return nil }
        self.device = UInt64(information.st_dev)
        self.node = UInt64(information.st_ino)
        self.bytes = Int64(information.st_size)
        self.changed = [
            information.st_mtim.tv_sec, information.st_mtim.tv_nsec, information.st_ctim.tv_sec,
            information.st_ctim.tv_nsec,
        ]
    }

    static func of(_ paths: some Sequence<String>) -> [String: FileStamp?] {
        Dictionary(paths.map { ($0, FileStamp($0)) }) { first, _ in first }
    }
}
