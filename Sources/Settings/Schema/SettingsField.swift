/// One key of a section and all that the program knows about it, stated once.
package struct SettingsField<Section: SettingsSection>: Sendable {
    package let name: String
    package let allowed: String
    /// Nil when the key must be given.
    package let defaultText: String?
    /// The keys that it stands for, itself first, from its own path.
    package let keys: @Sendable (_ path: String) -> [SettingsKey]
    package let read: @Sendable (SettingsNode, _ path: String, inout Section, inout Findings) -> Void
    package let changes: @Sendable (_ running: Section, _ loaded: Section, _ path: String) -> [SettingsChange]
    /// Puts the running value back where a restart is needed.
    package let keepRunning: @Sendable (_ running: Section, inout Section) -> Void

    package init(
        name: String,
        allowed: String,
        defaultText: String?,
        keys: @escaping @Sendable (_ path: String) -> [SettingsKey],
        read: @escaping @Sendable (SettingsNode, _ path: String, inout Section, inout Findings) -> Void,
        changes: @escaping @Sendable (_ running: Section, _ loaded: Section, _ path: String) -> [SettingsChange],
        keepRunning: @escaping @Sendable (_ running: Section, inout Section) -> Void
    ) {
        self.name = name
        self.allowed = allowed
        self.defaultText = defaultText
        self.keys = keys
        self.read = read
        self.changes = changes
        self.keepRunning = keepRunning
    }
}

extension SettingsField {
    /// A key with a value of its own. `defaultNote` replaces the default in the documentation where it is not a fixed
    /// value.
    package static func value<Value>(
        _ name: String,
        _ keyPath: any WritableKeyPath<Section, Value> & Sendable,
        _ kind: ValueKind<Value>,
        _ reload: Reload,
        isRequired: Bool = false,
        defaultNote: String? = nil
    ) -> Self {
        let defaultText = isRequired ? nil : defaultNote ?? kind.write(Section()[keyPath: keyPath])
        return SettingsField(
            name: name,
            allowed: kind.allowed,
            defaultText: defaultText,
            keys: { path in
                let key = SettingsKey(
                    path: path,
                    allowed: kind.brief,
                    defaultText: defaultText,
                    reload: reload,
                    isValue: true
                )
                return [key] + (kind.innerKeys?(path) ?? [])
            },
            read: { node, path, section, findings in
                let site = ValueSite(node: node, path: path, allowed: kind.allowed)
                guard let value = kind.read(site, &findings) else { return }
                section[keyPath: keyPath] = value
            },
            changes: { running, loaded, path in
                let (before, after) = (running[keyPath: keyPath], loaded[keyPath: keyPath])
                guard before != after else { return [] }
                return [SettingsChange(path, kind.write(before), kind.write(after), reload)]
            },
            keepRunning: { running, loaded in
                if reload == .needsRestart { loaded[keyPath: keyPath] = running[keyPath: keyPath] }
            }
        )
    }

    /// A key that holds a mapping of further keys, all of which may be left out.
    package static func section<Inner: SettingsSection>(
        _ name: String,
        _ keyPath: any WritableKeyPath<Section, Inner> & Sendable
    ) -> Self {
        SettingsField(
            name: name,
            allowed: "a mapping",
            defaultText: "",
            keys: { path in [.group(path, "a mapping", isRequired: false)] + Inner.keys(at: path) },
            read: { node, path, section, findings in
                section[keyPath: keyPath] = Inner.read(node, at: path, &findings)
            },
            changes: { running, loaded, path in
                Inner.changes(from: running[keyPath: keyPath], to: loaded[keyPath: keyPath], at: path)
            },
            keepRunning: { running, loaded in
                let effective = Inner.effectiveSection(
                    running: running[keyPath: keyPath],
                    loaded: loaded[keyPath: keyPath]
                )
                loaded[keyPath: keyPath] = effective
            }
        )
    }

    /// A key that holds a list of mappings. A reload replaces the list as a whole, or not at all.
    package static func list<Inner: SettingsSection & CustomStringConvertible>(
        _ name: String,
        _ keyPath: any WritableKeyPath<Section, [Inner]> & Sendable,
        count: ClosedRange<Int>,
        _ reload: Reload
    ) -> Self {
        let allowed = "a list of \(count.lowerBound) to \(count.upperBound) mappings"
        return SettingsField(
            name: name,
            allowed: allowed,
            defaultText: count.lowerBound > 0 ? nil : "[]",
            keys: { path in [.group(path, allowed, isRequired: count.lowerBound > 0)] + Inner.keys(at: path + "[]") },
            read: { node, path, section, findings in
                let site = ValueSite(node: node, path: path, allowed: allowed)
                guard let nodes = ListText.nodes(at: site, count: count, &findings) else { return }
                section[keyPath: keyPath] = nodes.enumerated().map { index, node in
                    findings.place("\(path)[\(index)]", at: node.position)
                    return Inner.read(node, at: "\(path)[\(index)]", &findings)
                }
            },
            changes: { running, loaded, path in
                let (before, after) = (running[keyPath: keyPath], loaded[keyPath: keyPath])
                guard before != after else { return [] }
                return [SettingsChange(path, ListText.format(before), ListText.format(after), reload)]
            },
            keepRunning: { running, loaded in
                if reload == .needsRestart { loaded[keyPath: keyPath] = running[keyPath: keyPath] }
            }
        )
    }

    /// A key that holds a list of mappings which stay in their places: a reload takes over the live keys of each. A list
    /// that has become longer or shorter, or of which one mapping needs a restart, waits for the restart as a whole.
    package static func placed<Inner: SettingsSection & CustomStringConvertible>(
        _ name: String,
        _ keyPath: any WritableKeyPath<Section, [Inner]> & Sendable,
        count: ClosedRange<Int>
    ) -> Self {
        let whole = self.list(name, keyPath, count: count, .needsRestart)
        let staysInPlace: @Sendable ([Inner], [Inner]) -> Bool = { running, loaded in
            running.count == loaded.count
                && zip(running, loaded).allSatisfy { !Inner.needsRestart(running: $0, loaded: $1) }
        }
        return SettingsField(
            name: name,
            allowed: whole.allowed,
            defaultText: whole.defaultText,
            keys: whole.keys,
            read: whole.read,
            changes: { running, loaded, path in
                let (before, after) = (running[keyPath: keyPath], loaded[keyPath: keyPath])
                guard staysInPlace(before, after) else { return whole.changes(running, loaded, path) }
                return zip(before, after).enumerated().flatMap { index, pair in
                    Inner.changes(from: pair.0, to: pair.1, at: "\(path)[\(index)]")
                }
            },
            keepRunning: { running, loaded in
                let (before, after) = (running[keyPath: keyPath], loaded[keyPath: keyPath])
                guard staysInPlace(before, after) else { return whole.keepRunning(running, &loaded) }
                loaded[keyPath: keyPath] = zip(before, after).map { Inner.effectiveSection(running: $0, loaded: $1) }
            }
        )
    }

    /// A key that holds mappings under names that the operator gives. Names come and go live.
    package static func named<Inner: NamedSettingsSection>(
        _ name: String,
        _ keyPath: any WritableKeyPath<Section, [Inner]> & Sendable,
        count: ClosedRange<Int>
    ) -> Self {
        let allowed = "\(count.lowerBound) to \(count.upperBound) names with a mapping each"
        return SettingsField(
            name: name,
            allowed: allowed,
            defaultText: count.lowerBound > 0 ? nil : "",
            keys: { path in
                [.group(path, allowed, isRequired: count.lowerBound > 0)] + Inner.keys(at: path + ".*")
            },
            read: { node, path, section, findings in
                let site = ValueSite(node: node, path: path, allowed: allowed)
                section[keyPath: keyPath] = NamedSections.read(site, count: count, &findings)
            },
            changes: { running, loaded, path in
                NamedSections.changes(from: running[keyPath: keyPath], to: loaded[keyPath: keyPath], at: path)
            },
            keepRunning: { running, loaded in
                for (index, item) in loaded[keyPath: keyPath].enumerated() {
                    guard let old = running[keyPath: keyPath].first(where: { $0.name == item.name }) else { continue }
                    loaded[keyPath: keyPath][index] = Inner.effectiveSection(running: old, loaded: item)
                }
            }
        )
    }
}

extension SettingsKey {
    fileprivate static func group(_ path: String, _ allowed: String, isRequired: Bool) -> SettingsKey {
        SettingsKey(path: path, allowed: allowed, defaultText: isRequired ? nil : "", reload: .live, isValue: false)
    }
}
