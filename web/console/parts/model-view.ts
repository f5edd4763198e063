/** A 3D model or scene that can be turned; loaded with three only where it is shown. */
import {
  AmbientLight, Box3, Color, DirectionalLight, HemisphereLight, MathUtils, Mesh, type Object3D,
  PerspectiveCamera, Raycaster, Scene, Sphere, Vector2, Vector3, WebGLRenderer,
} from "three";
import { OrbitControls } from "three/addons/controls/OrbitControls.js";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import { colour, theme } from "../core/theme.js";
import { words } from "../core/words.js";

const t = words({
  none: [
    "This browser cannot show 3D here. The pictures that the hub draws can be seen all the same.",
    "このブラウザーでは3Dを表示できません。ハブが描画した画像は表示できます。",
  ],
  how: [
    "3D view. Drag or use the arrow keys to turn it, plus and minus to come closer or go away.",
    "3D表示。ドラッグまたは矢印キーで回転、プラスとマイナスで拡大縮小します。",
  ],
});

const ANGLE = 40; // degrees; of the field of view
const STEP = 0.12; // radians that an arrow key turns
const SLACK = 1.02; // air round what is shown
const MOVED = 4; // pixels; less is a click

/** Where the view stands, in the coordinates of what is shown (glTF: y up). */
export interface Eye {
  readonly place: Vector3;
  readonly target: Vector3;
  readonly angle: number; // degrees, from top to bottom
  readonly aspect: number;
}

/** What was clicked: the node, and the attributes of the mesh at the place that was hit. */
export interface Picked {
  readonly object: Object3D;
  readonly point: Vector3;
  readonly feature: number | null;
  /** Where in the view, 0 to 1 from the left top. */
  readonly at: Vector2;
}

export class ModelView extends HTMLElement {
  /** The side from which all of it is looked at first. */
  from = new Vector3(0.45, 0.3, 1);
  /** Called after the view was turned. */
  turned: () => void = () => undefined;
  /** Called when something is clicked; null where nothing was. */
  picked: (found: Picked | null) => void = () => undefined;
  #renderer: WebGLRenderer | null = null;
  #controls: OrbitControls | null = null;
  #scene = new Scene();
  #camera = new PerspectiveCamera(ANGLE, 1, 0.01, 100);
  #model: Object3D | null = null;
  #due = 0;
  #pressed: Vector2 | null = null;
  readonly #sizes = new ResizeObserver(() => this.#resize());
  #unwatch: () => void = () => undefined;

  connectedCallback(): void {
    this.setAttribute("role", "img");
    this.setAttribute("aria-label", t("how"));
    this.tabIndex = 0;
    if (!this.#begin()) {
      this.textContent = t("none");
      return;
    }
    this.#sizes.observe(this);
    this.#unwatch = theme.watch(() => this.#draw());
    this.addEventListener("keydown", this.#key);
    this.#resize();
  }

  disconnectedCallback(): void {
    this.#sizes.disconnect();
    this.#unwatch();
    cancelAnimationFrame(this.#due);
    this.#due = 0;
    this.#controls?.dispose();
    this.#renderer?.dispose();
    this.#renderer?.forceContextLoss(); // browsers have few contexts
    this.#renderer?.domElement.remove();
    this.#renderer = null;
  }

  /** Tells whether the browser shows 3D. */
  get works(): boolean {
    return this.#renderer !== null;
  }

  /** Shows a GLB instead of what was there; with `keep` the view stays where it is. */
  async show(glb: ArrayBuffer, keep = false): Promise<void> {
    const { scene } = await new GLTFLoader().parseAsync(glb, "");
    this.clear();
    this.#model = scene;
    this.#scene.add(scene);
    if (!keep) this.fit();
    this.#draw();
  }

  /** Shows nothing. */
  clear(): void {
    if (this.#model === null) return;
    this.#scene.remove(this.#model);
    this.#model.traverse(dispose);
    this.#model = null;
    this.#draw();
  }

  /** What is shown. */
  get model(): Object3D | null {
    return this.#model;
  }

  /** Looks at all of it. */
  fit(): void {
    if (this.#model === null) return;
    const sphere = new Box3().setFromObject(this.#model).getBoundingSphere(new Sphere());
    if (sphere.radius <= 0 || !Number.isFinite(sphere.radius)) return;
    const half = MathUtils.degToRad(ANGLE / 2);
    const narrow = Math.min(half, Math.atan(Math.tan(half) * this.#camera.aspect));
    const away = (sphere.radius * SLACK) / Math.sin(narrow);
    this.#camera.near = away / 1000;
    this.#camera.far = away * 20 + sphere.radius * 20;
    this.#camera.position.copy(this.from.clone().normalize().multiplyScalar(away).add(sphere.center));
    this.#controls?.target.copy(sphere.center);
    this.#controls?.update();
    this.#camera.updateProjectionMatrix();
    this.turned();
    this.#draw();
  }

  get eye(): Eye {
    return {
      place: this.#camera.position.clone(),
      target: this.#controls?.target.clone() ?? new Vector3(),
      angle: ANGLE,
      aspect: this.#camera.aspect,
    };
  }

  #begin(): boolean {
    try {
      this.#renderer = new WebGLRenderer({ antialias: true, alpha: true });
    } catch {
      return false;
    }
    const canvas = this.#renderer.domElement;
    canvas.setAttribute("aria-hidden", "true");
    this.append(canvas);
    this.#renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
    this.#controls = new OrbitControls(this.#camera, canvas);
    this.#controls.addEventListener("change", () => this.#draw());
    this.#controls.addEventListener("end", () => this.turned());
    const sun = new DirectionalLight(0xffffff, 2.2);
    sun.position.set(0.6, 1, 0.9);
    const lights = [new HemisphereLight(0xffffff, 0x8d9a96, 1.6), sun, new AmbientLight(0xffffff, 0.4)];
    this.#scene.clear().add(...lights);
    if (this.#model) this.#scene.add(this.#model);
    canvas.addEventListener("pointerdown", (event) => { this.#pressed = new Vector2(event.clientX, event.clientY); });
    canvas.addEventListener("pointerup", (event) => this.#click(event));
    return true;
  }

  #click(event: PointerEvent): void {
    const here = new Vector2(event.clientX, event.clientY);
    if (this.#pressed === null || this.#pressed.distanceTo(here) > MOVED) return;
    const box = this.getBoundingClientRect();
    const at = new Vector2((here.x - box.left) / box.width, (here.y - box.top) / box.height);
    const caster = new Raycaster();
    caster.setFromCamera(new Vector2(at.x * 2 - 1, 1 - at.y * 2), this.#camera);
    const hit = this.#model ? caster.intersectObject(this.#model, true)[0] : undefined;
    if (hit === undefined) {
      this.picked(null);
      return;
    }
    const ids = hit.object instanceof Mesh
      ? (hit.object as Mesh).geometry.getAttribute("_feature_id_0") : undefined;
    const feature = ids && hit.face ? ids.getX(hit.face.a) : null;
    this.picked({ object: hit.object, point: hit.point, feature, at });
  }

  readonly #key = (event: KeyboardEvent): void => {
    const turns: Record<string, [number, number, number]> = {
      ArrowLeft: [-STEP, 0, 1], ArrowRight: [STEP, 0, 1], ArrowUp: [0, -STEP, 1], ArrowDown: [0, STEP, 1],
      "+": [0, 0, 0.85], "=": [0, 0, 0.85], "-": [0, 0, 1.18],
    };
    const turn = turns[event.key];
    if (turn === undefined || this.#controls === null) return;
    event.preventDefault();
    const away = this.#camera.position.clone().sub(this.#controls.target);
    const flat = Math.hypot(away.x, away.z);
    const around = Math.atan2(away.x, away.z) + turn[0];
    const up = MathUtils.clamp(Math.atan2(away.y, flat) - turn[1], -1.5, 1.5);
    const length = away.length() * turn[2];
    away.set(Math.sin(around) * Math.cos(up), Math.sin(up), Math.cos(around) * Math.cos(up));
    this.#camera.position.copy(away.multiplyScalar(length).add(this.#controls.target));
    this.#controls.update();
    this.turned();
    this.#draw();
  };

  #resize(): void {
    if (this.#renderer === null || this.clientWidth === 0) return;
    this.#renderer.setSize(this.clientWidth, this.clientHeight);
    this.#camera.aspect = this.clientWidth / Math.max(1, this.clientHeight);
    this.#camera.updateProjectionMatrix();
    this.#draw();
  }

  #draw(): void {
    this.#due ||= requestAnimationFrame(() => {
      this.#due = 0;
      this.#scene.background = new Color(colour("--card"));
      this.#renderer?.render(this.#scene, this.#camera);
    });
  }
}
customElements.define("model-view", ModelView);

function dispose(object: Object3D): void {
  if (!(object instanceof Mesh)) return;
  object.geometry.dispose();
  for (const material of [object.material].flat()) {
    for (const value of Object.values(material as object)) {
      (value as { isTexture?: boolean; dispose?: () => void } | null)?.isTexture && value.dispose();
    }
    material.dispose();
  }
}
