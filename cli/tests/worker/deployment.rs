//! The files in `deploy/`: they parse, what they name is there, and the command takes their flags.

use crate::workplace::Workplace;
use std::path::Path;
use yaml_rust2::{Yaml, YamlLoader};

fn documents(name: &str) -> Vec<Yaml> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(name);
    YamlLoader::load_from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn text<'y>(yaml: &'y Yaml, at: &str) -> &'y str {
    yaml.as_str().unwrap_or_else(|| panic!("{at}: expected a text, found {yaml:?}"))
}

fn list<'y>(yaml: &'y Yaml, at: &str) -> Vec<&'y str> {
    let items = yaml.as_vec().unwrap_or_else(|| panic!("{at}: expected a list, found {yaml:?}"));
    items.iter().map(|item| text(item, at)).collect()
}

/// Bytes, as Kubernetes and Compose write them.
fn bytes(size: &str) -> u64 {
    let (number, unit) = size.split_at(size.find(|c: char| !c.is_ascii_digit()).unwrap());
    let shift = match unit {
        "Gi" | "G" => 30,
        "Mi" | "M" => 20,
        _ => panic!("{size}"),
    };
    number.parse::<u64>().unwrap() << shift
}

/// Runs the command of a container where nothing of what it names is there: it gets past its flags, and no further.
fn takes(arguments: &[&str]) {
    let place = Workplace::new();
    let folder = place.path("work");
    std::fs::create_dir(&folder).unwrap();
    place.put("file", r#"{"v":1,"job":{"v":1,"tenant":"a"},"from":{"path":"x"},"to":{"path":"y"}}"#);
    let mut line: Vec<String> = Vec::new();
    for argument in arguments {
        line.push(match argument.split_once('=') {
            Some(("--nats", _)) => "--nats=nats://127.0.0.1:9".to_owned(),
            Some((flag @ ("--task" | "--nats-credentials"), _)) => {
                format!("{flag}={}", place.path("file").display())
            }
            Some((flag @ ("--work" | "--inputs"), _)) => format!("{flag}={}", folder.display()),
            Some(("--store", _)) => format!("--store={}", place.path("store").display()),
            _ => (*argument).to_owned(),
        });
    }
    let of_nats = arguments.iter().any(|argument| argument.starts_with("--nats="));
    if of_nats {
        line.retain(|argument| !argument.starts_with("--nats-credentials="));
        line.push("--nats-timeout=1s".to_owned());
    }
    let ended = place.run(&line.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(ended.status, 11, "{line:?}: {ended:?}");
    let expected = if of_nats { "queue: cannot connect" } else { "input_io" };
    assert!(ended.stderr.contains(expected), "{}", ended.stderr);
}

/// A pod as both manifests have it.
fn check_pod(template: &Yaml, configured: &[&str]) {
    let pod = &template["spec"];
    let volumes = pod["volumes"].as_vec().unwrap();
    let names: Vec<&str> = volumes.iter().map(|volume| text(&volume["name"], "volume")).collect();
    for volume in volumes {
        if let Some(name) = volume["configMap"]["name"].as_str() {
            assert!(configured.contains(&name), "{name}");
        }
    }
    let containers = pod["containers"].as_vec().unwrap();
    assert_eq!(containers.len(), 1);
    let container = &containers[0];
    assert_eq!(text(&container["name"], "name"), "worker");
    assert_eq!(text(&container["image"], "image"), "mender-artifact");
    let mounts: Vec<(&str, &str)> = container["volumeMounts"]
        .as_vec()
        .unwrap()
        .iter()
        .map(|mount| (text(&mount["name"], "mount"), text(&mount["mountPath"], "mount")))
        .collect();
    assert!(mounts.iter().all(|(name, _)| names.contains(name)), "{mounts:?}");
    assert_eq!(mounts.len(), names.len());
    let arguments = list(&container["args"], "args");
    let value = |flag: &str| arguments.iter().find_map(|argument| argument.strip_prefix(flag));
    for flag in ["--task=", "--work=", "--nats-credentials="] {
        if let Some(path) = value(flag) {
            assert!(mounts.iter().any(|(_, at)| path.starts_with(at)), "{path} is not mounted");
        }
    }
    let limits = &container["resources"]["limits"];
    assert!(bytes(value("--memory=").unwrap()) < bytes(text(&limits["memory"], "memory")));
    assert!(bytes(value("--disk=").unwrap()) < bytes(text(&limits["ephemeral-storage"], "storage")));
    assert_eq!(pod["securityContext"]["runAsNonRoot"], Yaml::Boolean(true));
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], Yaml::Boolean(true));
    // Longer than the worker takes to give its task back.
    assert!(pod["terminationGracePeriodSeconds"].as_i64().unwrap() > 10);
    takes(&arguments);
}

#[test]
fn the_job_is_sound() {
    let documents = documents("kubernetes/job.yaml");
    let [configuration, job] = &documents[..] else { panic!("{documents:?}") };
    assert_eq!(
        (text(&configuration["apiVersion"], ""), text(&configuration["kind"], "")),
        ("v1", "ConfigMap")
    );
    assert_eq!((text(&job["apiVersion"], ""), text(&job["kind"], "")), ("batch/v1", "Job"));
    let task = text(&configuration["data"]["task.json"], "task");
    mender_delta::fleet::worker::task::Task::from_json(task.as_bytes()).unwrap();
    assert!(job["spec"]["backoffLimit"].as_i64().is_some());
    let template = &job["spec"]["template"];
    assert_eq!(text(&template["spec"]["restartPolicy"], "restartPolicy"), "Never");
    // What may pass, and what the machine does, is not among what ends the Job.
    let rule = &job["spec"]["podFailurePolicy"]["rules"][1]["onExitCodes"];
    let codes: Vec<i64> =
        rule["values"].as_vec().unwrap().iter().map(|code| code.as_i64().unwrap()).collect();
    assert_eq!(codes, [1, 4, 5, 6, 9, 10]);
    assert_eq!(text(&rule["containerName"], "container"), "worker");
    check_pod(template, &[text(&configuration["metadata"]["name"], "name")]);
}

#[test]
fn the_deployment_is_sound() {
    let documents = documents("kubernetes/deployment.yaml");
    let [deployment] = &documents[..] else { panic!("{documents:?}") };
    assert_eq!(
        (text(&deployment["apiVersion"], ""), text(&deployment["kind"], "")),
        ("apps/v1", "Deployment")
    );
    let template = &deployment["spec"]["template"];
    assert_eq!(deployment["spec"]["selector"]["matchLabels"], template["metadata"]["labels"]);
    assert!(template["spec"]["restartPolicy"].is_badvalue());
    check_pod(template, &[]);
}

#[test]
fn the_compose_file_is_sound() {
    let documents = documents("compose.yaml");
    let [compose] = &documents[..] else { panic!("{documents:?}") };
    let worker = &compose["services"]["worker"];
    assert_eq!(text(&worker["image"], "image"), "mender-artifact");
    let containerfile =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(text(&worker["build"]["context"], ""));
    let containerfile = containerfile.join(text(&worker["build"]["dockerfile"], ""));
    assert!(std::fs::read_to_string(containerfile).unwrap().ends_with("ENTRYPOINT [\"/mender-artifact\"]\n"));
    for dependency in list(&worker["depends_on"], "depends_on") {
        assert!(!compose["services"][dependency].is_badvalue(), "{dependency}");
    }
    for service in ["nats", "worker"] {
        for volume in compose["services"][service]["volumes"].as_vec().unwrap() {
            if let Some((name, _)) = volume.as_str().and_then(|volume| volume.split_once(':')) {
                let volumes = compose["volumes"].as_hash().unwrap();
                assert!(volumes.contains_key(&Yaml::String(name.to_owned())), "{name}");
            }
        }
    }
    let arguments = list(&worker["command"], "command");
    let memory = arguments.iter().find_map(|argument| argument.strip_prefix("--memory=")).unwrap();
    assert!(bytes(memory) < bytes(text(&worker["deploy"]["resources"]["limits"]["memory"], "memory")));
    assert!(list(&compose["services"]["nats"]["command"], "command").contains(&"-js"));
    takes(&arguments);
}
